#!/usr/bin/perl
# The reader that judges what machines print: takes a good document, and finds each of the mistakes that one can have.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use ktap 'ktap_read';

my $good = <<'END';
Nestor
NESTOR BEGIN
KTAP version 1
1..3
# a: hello
    KTAP version 1
    # Subtest: a
    1..2
    ok 1 counts to 3
    # halt: HLT
    ok 2 ends with halt
ok 1 a
# b: hello
# c: hello
    KTAP version 1
    # Subtest: b
    1..1
    not ok 1 ends with exit 0 # a.c:7: x is 1, expected 2
not ok 2 b
# c: the last word
    KTAP version 1
    # Subtest: c
    1..2
    ok 1 has what no CPU has # SKIP no CPU has it
    ok 2 ends with exit 0
ok 3 c # SKIP
# VM                 end                 exits to monitor preempted    pages  run ms
# a                  halt                    5          4         3       21     0.5
# b                  exit -1                 6          0         0       22     0.0
# c                  exit 0                  7          6         2       23    12.3
# 1 passed, 1 failed, 1 skipped
NESTOR END fail
2 of 3 VMs did what they were meant to do.
END

my $doc = ktap_read($good);
is_deeply($doc->{errors}, [], 'a good document has no errors');
is_deeply([@$doc{qw(before after verdict)}], ["Nestor\n", "2 of 3 VMs did what they were meant to do.\n", 'fail'],
    'what is around it, and the verdict');
is_deeply($doc->{order}, [qw(a b c)], 'the results in their order');
is_deeply([map { $_->{name} } @{$doc->{results}{a}{subtest}{results}}], ['counts to 3', 'ends with halt'], 'a subtest');
is($doc->{results}{b}{subtest}{results}[0]{name}, 'ends with exit 0', 'a result that says why has its name');
is($doc->{results}{b}{subtest}{results}[0]{why}, 'a.c:7: x is 1, expected 2', 'and why');
is_deeply($doc->{printed}, {a => ['hello'], b => ['hello'], c => ['hello', 'the last word']}, 'what VMs printed');
is_deeply($doc->{table}{b}, {end => 'exit -1', exits => 6, monitor => 0, preemptions => 0, pages => 22, run => '0.0'}, 'the table');

# What is replaced by what, and the error that it makes.
for (
    ["NESTOR BEGIN\n", '', qr/^0 lines NESTOR BEGIN/],
    ["NESTOR BEGIN\n", "NESTOR BEGIN\nNESTOR BEGIN\n", qr/^2 lines NESTOR BEGIN/],
    ["NESTOR END fail\n", '', qr/^0 lines NESTOR END/],
    ['NESTOR END fail', '# b: NESTOR END fail', qr/^0 lines NESTOR END/],
    ['NESTOR END fail', 'NESTOR END pass', qr/^the verdict is not that/],
    ['NESTOR END fail', 'NESTOR END perhaps', qr/^no verdict/],
    ["KTAP version 1\n1..3", '1..3', qr/^no version line/],
    ["    KTAP version 1\n    # Subtest: b", '    # Subtest: b', qr/^no version line/],
    ["    # Subtest: b\n", '', qr/^a subtest without a name/],
    ["    # Subtest: b", '    # Subtest: c', qr/^the subtest of b is called c/],
    ["1..3\n", '', qr/^no plan/],
    ["1..3\n", "1..4\n", qr/^plan and results differ in number: the machine/],
    ["    1..2\n    ok 1 c", "    1..3\n    ok 1 c", qr/^plan and results differ in number: a/],
    ['    1..1', '    1..0', qr/^no plan in b/],
    ['not ok 2 b', 'not ok 3 b', qr/^a wrong number/],
    ['    ok 2 ends with halt', '    ok 1 ends with halt', qr/^a wrong number/],
    ['not ok 2 b', 'ok 2 b', qr/^b and its subtest differ/],
    ['not ok 2 b', 'not ok 2 b # SKIP', qr/^not ok, and skipped/],
    ['ok 1 a', 'ok 1 a # TODO', qr/^an unknown directive/],
    ['ok 1 counts to 3', 'ok 1 counts to 3 # why not', qr/^an unknown directive/],
    ["ok 1 a\n", '', qr/^a line in the middle of a subtest/],
    ["    1..2\n    ok 1 c", "    1..2\n# c: hello\n    ok 1 c", qr/^a line in the middle of a subtest: # c: hello/],
    ["# c: hello\n", '# c: hel', qr/^no version line/],
    ['# b: hello', 'b: hello', qr/^neither KTAP nor a comment: b: hello/],
    ['# b: hello', '', qr/^neither KTAP nor a comment/],
    ["ok 1 a\n", "ok 1 a\n# a: more\n", qr/^printed after its result: # a: more/],
    ['# 1 passed, 1', '# 2 passed, 1', qr/^the sums are not/],
    ["    1..1\n    not ok 1 ends with exit 0 # a.c:7: x is 1, expected 2\n", '', qr/^no plan in b/],
    ['not ok 2 b', 'not ok 2 a', qr/^two results for: a/],
) {
    my ($from, $to, $error) = @$_;
    my $at = index $good, $from;
    my $bad = $good;

    die "no $from" if $at < 0;
    substr $bad, $at, length $from, $to;
    my @errors = @{ktap_read($bad)->{errors}};
    ok((grep { /$error/ } @errors), ($from =~ s/\n/\\n/gr) . ' -> ' . ($to =~ s/\n/\\n/gr)) or diag(explain \@errors);
}

done_testing;
