#!/usr/bin/perl
# tools/why-entry: the explanation of a failed VM entry from a text, and what it says of texts with errors.
use strict;
use warnings;
use Cwd 'abs_path';
use File::Temp 'tempdir';
use Test::More;

(my $top = abs_path($0)) =~ s{/tests/[^/]*$}{};
my $work = tempdir(CLEANUP => 1);

# Runs it with options and a text on standard input; -> its status, and all that it printed.
sub why
{
    my ($options, $text) = @_;
    open my $out, '>', "$work/dump" or die "$work/dump: $!";
    print $out $text;
    close $out;
    my $said = `$top/tools/why-entry $options 2>&1 <$work/dump`;
    return ($? >> 8, $said);
}

sub says
{
    my ($options, $text, $status, $pattern, $name) = @_;
    my ($got, $said) = why($options, $text);
    ok($got == $status && $said =~ $pattern, $name) or diag("ended with $got, expected $status and $pattern:\n$said");
}

# ---- Options ----
says('--help', '', 0, qr/^usage: tools\/why-entry .*GUEST_CR0 .*--list/s, '--help');
says('--bogus', '', 2, qr/unknown option: --bogus\nusage/, 'an unknown option is named');
says('a b', '', 2, qr/more than one file: b/, 'one file is enough');
says("$work/none", '', 2, qr{$work/none: No such file}, 'a file that is not there');
my ($status, $list) = why('--list', '');
my @ids = $list =~ /^([A-Z]\d+)\.[A-Z0-9_]+: .* \(.+\)$/mg;
is($status, 0, '--list ends well');
is(scalar(grep { !/^A/ } @ids), 359, '--list has the rules of VMX');
is(scalar(grep { /^A/ } @ids), 29, 'and those of SVM');
like($list, qr/^H12\.HOST_IA32_EFER: LMA must be .* \(VMfailValid, VM-instruction error 8\)$/m, 'a rule is told in words');

# The table of docs/entry.md has as many rules of each letter.
open my $page, '<', "$top/docs/entry.md" or die "docs/entry.md: $!";
my %told = map { /^\| ([A-Z]): [^|]+\| (\d+) \| (\d+) \|/ ? ($1 => $3) : () } <$page>;
my %listed;
$listed{substr $_, 0, 1}++ for @ids;
is_deeply(\%told, \%listed, 'docs/entry.md counts the rules right');

# ---- Errors in the text, by line ----
says('', "GUEST_CR0 1\nGUEST_CRO 2\n", 2, qr/^stdin:2: no field is called "GUEST_CRO"$/m, 'an unknown field');
says('', "# nothing\n\nGUEST_CR0\n", 2, qr/^stdin:3: GUEST_CR0 has no value$/m, 'a value is missing');
says('', "GUEST_CR0 12x\n", 2, qr/^stdin:1: "12x" is not a number$/m, 'no number');
says('', "GUEST_CR0 -1\n", 2, qr/^stdin:1: "-1" is not a number$/m, 'no negative number');
says('', "GUEST_CR0 0x10000000000000000\n", 2, qr/is not a number/, 'a number of more than 64 bits');
says('', "GUEST_CS_SELECTOR 0x10000\n", 2, qr/GUEST_CS_SELECTOR has 16 bits, 0x10000 has more/, 'a value too wide for the field');
says('', "GUEST_CR0 1 2\n", 2, qr/something behind the value/, 'something behind the value');
says('', "GUEST_CR0 1\n0x6800 1\n", 2, qr/^stdin:2: 0x6800 has a value already$/m, 'a field twice');
says('', "IA32_VMX_MISC 1\n0x485 1\n", 2, qr/^stdin:2: 0x485 has a value already$/m, 'a capability register twice');
says('', "0x1 1\n0xffffffffffff 1\n", 2, qr/:1: no field is called "0x1".*:2: no field/s, 'all errors are told');

# ---- The explanation ----
says('', '', 0, qr/^no rule is broken\n\d+ of 359 rules could not be checked; missing are /, 'nothing known, nothing said');
says('', "ENTRY_CONTROLS = 0x13ff\nGUEST_CR4: 8192 # no PAE\n", 1,
    qr/^G9\.GUEST_CR4: an IA-32e mode guest needs PAE\n  GUEST_CR4 = 0x2000: wrong in bit 5; 0x2020 would do\n  with ENTRY_CONTROLS = 0x13ff\n  comes to: VM entry fails as an exit with basic reason 33, exit qualification 0\n/,
    'the first broken rule, with the values that make it so');
says('', "0x6800 0x80000030\n0x486 0x80000021\nPROC_CONTROLS 0\n", 1, qr/^G1\.GUEST_CR0: .*\n.*wrong in bit 0;/, 'encodings and MSR numbers');
says('', "GUEST_RFLAGS 0\nHOST_CS_SELECTOR 0\n", 1, qr/^H35\.HOST_CS_SELECTOR: must not be 0\n.*error 8\n1 more rule is broken/s,
    'host state comes before guest state');
says('--all', "GUEST_RFLAGS 0\nHOST_CS_SELECTOR 0\n", 1, qr/^H35\..*^R4\.GUEST_RFLAGS/ms, '--all tells the others');
says('', "ENTRY_MSR_LOAD_COUNT 2\nENTRY_MSR_0 0x174\nENTRY_MSR_1 0xc0000100\n", 1,
    qr/^M1\..*comes to: .*reason 34, exit qualification 2\n/s, 'the qualification is the number of the entry');
says('', "VMCB_EFER 0\nVMCB_CR0 0x20000000\n", 1, qr/^A1\.VMCB_EFER: SVME must be 1\n.*VMEXIT_INVALID\n/s, 'a VMCB');
says('--vmx', "VMCB_EFER 0\n", 0, qr/^no rule is broken\n/, '--vmx does not look at it');
my ($first) = why('', "PIN_CONTROLS 0\nIA32_VMX_BASIC 0\n0x481 0x1600000016\n");
is($first, 1, 'controls against their capability register');
ok(system("$top/tools/why-entry $work/dump >/dev/null") >> 8 == 1, 'a file by its name');

done_testing;
