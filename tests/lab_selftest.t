#!/usr/bin/perl
# The test library tests itself: tests that are made to pass, fail, hang, fault and skip get exactly these verdicts.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;
use ktap 'ktap_read';

# A row's verdict is the first word of its identifier; the table's and the grid's rows have theirs here.
my %verdict = ('any.table.b' => 'fail', 'any.grid.0-z' => 'fail', map { ($_ => 'pass') }
    qw(any.table.a any.table.c any.grid.0-x any.grid.0-y any.grid.1-x any.grid.1-z));
my ($status, $list) = run("$build/list-selftest");
my @ids = map { (split /\t/)[0] } split /\n/, $list;
$verdict{$_} //= (split /\./)[1] for @ids;

# What the reasons of some say.
my %why = (
    'any.fail' => qr/^self\.c:\d+: 2 \+ 2 is 0x4, expected 0x5 \(and 1 more\)$/,
    'any.fail.no.exit' => qr/: expected (VM)?EXIT_HLT; saw no exit$/,
    'any.fail.fault' => qr/: expected (VM)?EXIT_HLT; saw no exit, #UD\(0x0\)$/,
    'any.fail.changed' => qr/: the exit changed (GUEST|VMCB)_CR3 0x\w+ to 0x\w+18; saw (VM)?EXIT_HLT$/,
    'any.error.nothing' => qr/^ERROR the test expected nothing$/,
    'any.error.fault' => qr/^ERROR unexpected #UD\(0x0\) at 0x8:0x\w+$/,
    'any.error.page.fault' => qr/^ERROR unexpected #PF\(0x2\) CR2 0x7f0000000000 at 0x8:0x\w+$/,
    'any.error.triple.fault' => qr/^ERROR it would have ended the VM by (EXIT_TRIPLE_FAULT|VMEXIT_SHUTDOWN) at 0x\w+$/,
    'any.error.hole' => qr/^ERROR it would have ended the VM by (EXIT_EPT_VIOLATION|VMEXIT_NPF) at 0x\w+$/,
    'any.error.refused' => qr/^ERROR refused: (HOST_RIP|VMCB_NESTED_CR3) 0x\w+, bits 0x\w+: \S/,
    'any.timeout' => qr/^TIMEOUT nothing more came within 50 ms, last at 0x\w+$/,
    'any.timeout.exits' => qr/^TIMEOUT it took more than 100 exits, last at 0x\w+$/,
    'any.skip' => qr/^SKIP self\.c:\d+: because it says so$/,
    'any.skip.seen.before' => qr/^SKIP row 0 was looked at$/,
    'any.skip.needs' => qr/^SKIP needs not CPU_FSGSBASE$/,
);

# The verdict as it is in a result line.
sub verdict_of
{
    my ($result) = @_;
    my $why = $result->{why} // '';

    return $result->{skip} ? 'skip' : 'pass' if $result->{ok};
    return $why =~ /^(ERROR|TIMEOUT) / ? lc $1 : $why ne '' ? 'fail' : 'without a reason';
}

# Runs the image with these args; -> the ids in the order in which they came, those that were announced, and the text.
sub selftest
{
    my ($command, $name, $args, $expected_ids) = @_;
    put_file("$work/self.conf", "[machine]\nscreen = log\n[vm self]\nimage = selftest.elf\nmemory = 8M\nlab = yes\nargs = $args\nexpect = exit 1\n");
    my ($doc, $text) = reports("$command --config $work/self.conf", 1, "$name: the verdict is fail");
    my @results = grep { $_->{name} =~ /^\w+\.\w/ } @{$doc->{results}{self}{subtest}{results} // []};
    my @announced = $text =~ /^# self> (\S+)$/mg;

    is_deeply([sort map { $_->{name} } @results], [sort @$expected_ids], "$name: each row once") or diag($text);
    is_deeply([map { "$_->{name} " . verdict_of($_) } @results], [map { "$_->{name} $verdict{$_->{name}}" } @results],
        "$name: each has its verdict");
    is_deeply(\@announced, [map { $_->{name} } grep { $_->{name} !~ /^any\.skip\.(needs|seen\.before)$/ } @results],
        "$name: each was announced before it ran");
    for (grep { $why{$_->{name}} } @results) {
        like($_->{why}, $why{$_->{name}}, "$name: why $_->{name}");
    }
    return [map { $_->{name} } @results], $text;
}

cmp_ok(scalar @ids, '>', 25, 'there are rows');
$kernel_machine::config = "$work/self.conf";
my @all = @ids;
for ([qemu(), 'SVM'], [qemu('--cpus 4'), 'SVM, 4 CPUs'], [bochs(), 'VMX'], [bochs('--cpus 4'), 'VMX, 4 CPUs']) {
    my ($command, $name) = @$_;
    my ($other) = $name =~ /^SVM/ ? 'vmx' : 'svm';
    my @ids = grep { !/^$other\./ } @all;
    my ($order) = selftest($command, $name, 'family=self', \@ids);
    is_deeply($order, \@ids, "$name: in the order of the file");
    my ($shuffled, $text) = selftest($command, "$name, shuffled", 'family=* shuffle=5', \@ids);
    isnt("@$shuffled", "@$order", "$name: in another order");
    is("@{[sort @$shuffled[-2, -1]]}", 'any.pass.made.g any.pass.made.h', "$name: but for what comes last");
    like($text, qr/^# self: shuffle=5$/m, "$name: the seed is printed");
    my ($again) = selftest("$command --append shuffle=5", "$name, shuffled by the command line", 'shuffle=6', \@ids);
    is("@$again", "@$shuffled", "$name: the seed alone decides the order, the command line's counts");
    selftest($command, "$name, a choice, twice", 'tests=grid,any.table.* repeat=2', [grep { /\.(table|grid)\./ } @ids, @ids]);
}

# What is no lab, what has no such test, and what is no argument.
for (['lab = no', '', qr/^# self: this VM is no lab/m], ['lab = yes', 'tests=nothing', qr/^# self: no test is called so$/m],
    ['lab = yes', 'test=pass', qr/^# self: unknown argument: test=pass$/m]) {
    put_file("$work/self.conf", "[vm self]\nimage = selftest.elf\nmemory = 8M\n$_->[0]\nargs = $_->[1]\nexpect = exit 2\n");
    ends(bochs(), 0, "ends with 2: $_->[0] $_->[1]", $_->[2]);
}
done_testing();
