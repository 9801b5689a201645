#!/usr/bin/perl
# The feature tests of all families: on each platform that the emulators have, on 1 and on 4 CPUs, all at once beside noise, one
# family after the other, and in shuffled orders. Each result's id has the same verdict every time.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

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

# Each platform: the first run is the one that the others are compared with.
my @platforms = (
    ['Bochs, Skylake-X (VMX)', "$top/tools/run-bochs", [1, '', 0], [4, '', 0], [1, '', 1], [1, 1, 0], [1, 22, 0], [4, 333, 0]],
    ['Bochs, Tiger Lake (VMX)', "$top/tools/run-bochs --cpu tigerlake", [1, '', 0]],
    ['QEMU TCG (SVM)', "$top/tools/run-qemu --tcg", [1, '', 0], [4, '', 0], [1, '', 1], [1, 1, 0], [1, 22, 0], [4, 333, 0]],
    ['Bochs, Ryzen (SVM)', "$top/tools/run-bochs --cpu ryzen", [1, '', 0]],
);

for my $platform (@platforms) {
    my ($name, $command, @runs) = @$platform;
    my $first;

    for (@runs) {
        my ($cpus, $shuffle, $alone) = @$_;
        my $how = "$name, $cpus CPU" . ($cpus > 1 ? 's' : '') . ($alone ? ', one family at a time' : '') .
            ($shuffle ? ", shuffle=$shuffle" : '');
        my $machine = describe("$work/tests.conf", $shuffle, $alone);
        my ($doc, $text) = reports("$command --config $machine --cpus $cpus --timeout 800", 0, $how);
        my $verdict = verdicts($doc);
        my %sum;

        $sum{$_}++ for values %$verdict;
        diag("$how: ", join ', ', map { "$sum{$_} $_" } sort keys %sum);
        if (!$first) {
            $first = $verdict;
            ok(scalar keys %$first > 0, "$name: there are results");
            next;
        }
        my @differ = grep { ($first->{$_} // 'none') ne ($verdict->{$_} // 'none') } sort keys %{{%$first, %$verdict}};
        ok(!@differ, "$how: the same verdicts") or diag(map { "$_: " . ($first->{$_} // 'none') . ', ' . ($verdict->{$_} // 'none') . "\n" } @differ);
    }
}

done_testing();
