# The feature tests of all families on one platform: all at once beside noise, one family after the other, in shuffled orders,
# on one and on several CPUs. Each result's id has the same verdict every time.
package families;
use strict;
use warnings;
use Exporter 'import';
use Test::More;
use kernel_machine;

our @EXPORT = qw(families_agree);

my $list = "$build/list-tests";

# The machine of tools/tests-config; with `alone`, nothing runs beside a family, and they come one after the other.
sub describe
{
    my ($file, $shuffle, $alone) = @_;
    my ($status, $text) = run("$top/tools/tests-config $list '' $shuffle");
    die $text if $status;
    if ($alone) {
        my @sections = split /^(?=\[)/m, $text;
        my $before;
        @sections = grep { !/^\[vm noise/ } @sections;
        for (@sections) {
            my ($name) = /^\[vm (.*)\]/ or next;
            $_ =~ s/\n+\z/\nafter = $before\n\n/ if defined $before;
            $before = $name;
        }
        $text = join '', @sections;
    }
    put_file($file, $text);
    return $file;
}

# The verdicts by id: ok, not ok, known, skip.
sub verdicts
{
    my ($doc) = @_;
    my %verdict;
    for my $vm (values %{$doc->{results}}) {
        for (@{$vm->{subtest}{results}}) {
            next unless $_->{name} =~ /^(?:vmx|svm|any)\./;
            $verdict{$_->{name}} = $_->{skip} ? 'skip' : $_->{known} ? 'known' : $_->{ok} ? 'ok' : 'not ok';
        }
    }
    return \%verdict;
}

# For `make families`.
sub keep_log
{
    my ($name, $text) = @_;
    (my $file = lc $name) =~ s/\W+/-/g;
    $file =~ s/-\z//;
    mkdir "$build/families";
    put_file("$build/families/$file.log", $text);
}

# Tests: each run passes, and says the same as the first, whose log stays in BUILD/families. A run is [CPUs, seed or '', one family at a time].
sub families_agree
{
    my ($name, $command, @runs) = @_;
    my $first;

    for (@runs) {
        my ($cpus, $shuffle, $alone) = @$_;
        my $how = "$name, $cpus CPU" . ($cpus > 1 ? 's' : '') . ($alone ? ', one family at a time' : '') .
            ($shuffle ? ", shuffle=$shuffle" : '');
        my $machine = describe("$work/tests.conf", $shuffle, $alone);
        my ($doc, $text) = reports("$command --config $machine --cpus $cpus --timeout 1500", 0, $how);
        my $verdict = verdicts($doc);
        my %sum;

        $sum{$_}++ for values %$verdict;
        note("$how: ", join ', ', map { "$sum{$_} $_" } sort keys %sum);
        if (!$first) {
            $first = $verdict;
            keep_log($name, $text);
            ok(scalar keys %$first > 0, "$name: there are results");
            next;
        }
        my @differ = grep { ($first->{$_} // 'none') ne ($verdict->{$_} // 'none') } sort keys %{{%$first, %$verdict}};
        ok(!@differ, "$how: the same verdicts")
            or diag(map { "$_: " . ($first->{$_} // 'none') . ', ' . ($verdict->{$_} // 'none') . "\n" } @differ);
    }
}

1;
