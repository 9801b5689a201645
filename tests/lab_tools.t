#!/usr/bin/perl
# The lists of feature tests, and the tools that write new ones and machines for them.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};

# ---- The list ----
my ($status, $list) = run("$build/list-tests");
my @rows = map { [split /\t/, $_, -1] } split /\n/, $list;
my %seen;
is($status, 0, 'list-tests lists');
cmp_ok(scalar @rows, '>', 0, 'there are tests');
is_deeply([grep { @$_ != 4 } @rows], [], 'each row has an id, needs, a section and a description');
is_deeply([grep { $_->[0] !~ /^(any|vmx|svm)(\.[a-z0-9-]+)+$/ } @rows], [], 'ids are made of lower-case letters, digits, . and -');
is_deeply([grep { $seen{$_->[0]}++ } @rows], [], 'each id is there once');
is_deeply([grep { $_->[1] !~ /^((not )?[A-Z0-9_]+(, (not )?[A-Z0-9_]+)*)?$/ } @rows], [], 'needs have names');
is_deeply([grep { $_->[2] eq '' || $_->[3] eq '' } @rows], [], 'sections and descriptions are there');
is_deeply([grep { /[.]manual|Title of the manual/ } map { $_->[2] } @rows], [], 'no section is the skeleton\'s');
my (undef, $some) = run("$build/list-tests 'cpuid_leaf,any.cpuid.us*'");
is_deeply([map { (split /\t/)[0] } split /\n/, $some], [grep { /^any\.cpuid\.(leaf\.|user$)/ } map { $_->[0] } @rows],
    'patterns choose by identifier and by id');
my (undef, $families) = run("$build/list-tests --families");
my @files = map { m{([^/]+)\.c$} } grep { get_file($_) =~ /^(?:FEATURE_|ENTRY_FAMILY)/m } sort glob "$top/guests/tests/*.c";
is_deeply([split /\n/, $families], \@files, 'the families are the files that have tests');

# ---- The mutants, which take too long to be run here ----
my (undef, $mutants) = run("$top/tools/mutants --list");
my (@stale, @unseen);
for (split /\n/, $mutants) {
    my ($name, $backend, $globs) = split;
    my ($pattern) = map { qr/^(?:$_)$/ } join '|', map { quotemeta =~ s/\\\*/.*/gr =~ s/\\\?/./gr } split /,/, $globs;
    push @stale, $name if (run("patch -f -s -p1 -F0 --dry-run -d $top <$top/tests/mutants/$name.patch"))[0] != 0;
    push @unseen, $name if !grep { $_->[0] =~ $pattern && $_->[0] =~ /^(?:any|$backend)\./ } @rows;
}
is(scalar(split /\n/, $mutants), scalar(@{[glob "$top/tests/mutants/*.patch"]}), 'mutants --list lists them');
is_deeply(\@stale, [], 'each mutant can still be made');
is_deeply(\@unseen, [], 'and there is a test that should see it');

# ---- The machines ----
my (undef, $conf) = run("$top/tools/tests-config $build/list-tests");
is(get_file("$top/config/tests.conf"), $conf, 'config/tests.conf has each family: make tests-conf writes it');
(undef, $conf) = run("$top/tools/tests-config $build/list-tests 'cpuid_*' 7");
like($conf, qr/^\[vm cpuid\]\n(\w.*\n)*args = family=cpuid tests=cpuid_\* shuffle=7$/m, 'a machine for some tests');
is(() = $conf =~ /^lab = yes$/mg, 1, 'has the families of these alone');
ends("$_ nothing", 1, 'a choice of nothing', qr/\Alist-tests: no test is called nothing\n\z/)
    for "$top/tools/tests-config $build/list-tests", "$build/list-tests";

# ---- New tests ----
run("mkdir -p tree/tools tree/guests/tests && cp $top/tools/new-test tree/tools");
ends('tree/tools/new-test foo_bar', 0, 'new-test writes a family', qr{^guests/tests/foo\.c is written}m);
ends("gcc -std=c17 -Wall -Wextra -Werror -Wmissing-prototypes -Wshadow -O2 -mgeneral-regs-only -iquote $top -c -o foo.o " .
    'tree/guests/tests/foo.c', 0, 'it builds');
ends('nm foo.o', 0, 'with a record', qr/ [rd] foo_bar_record$/m);
ends('tree/tools/new-test foo_bar', 1, 'not twice', qr{^new-test: there is a test foo_bar: guests/tests/foo\.c$}m);
ends('tree/tools/new-test foo_baz', 1, 'nor another file of the family', qr{^new-test: guests/tests/foo\.c is there: add}m);
ends("tree/tools/new-test '$_'", 2, "\"$_\" is no name", qr/is no name/) for 'Foo', 'foo bar', '1a', 'a__b', 'a_', '../a';
ends('tree/tools/new-test', 2, 'no name at all', qr/^usage/m);
ok(!-e "$work/tree/guests/tests/a.c", 'and nothing is written');
done_testing();
