#!/usr/bin/perl
# Guests that never give their CPU up get equal parts of it, to within 2 %.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use List::Util 'sum';
use Test::More;
use kernel_machine;

# n VMs that spin until another has slept for a second, with these lines in the section of number i.
sub spinners
{
    my ($n, $lines) = @_;
    put_file("$work/spin.conf", join '', "[vm clock]\nimage = sleep.elf\nargs = 100 10\n",
        map { "[vm s$_]\nimage = spin.elf\nbackground = yes\n" . $lines->($_) } 1 .. $n);
    return "--config $work/spin.conf";
}

# One test: all of these VMs had the same of the CPU.
sub is_fair
{
    my ($doc, $name, @vms) = @_;
    my @run = map { $doc->{table}{$_}{run} // 0 } @vms;
    my $part = sum(@run) / @run;
    my ($worst) = sort { $b <=> $a } map { abs($_ / ($part || 1) - 1) } @run;

    ok($part > 0 && $worst < 0.02, sprintf('%s: each gets 1/%d within %.2f %%', $name, scalar @vms, 100 * $worst))
        or diag("ms: @run");
    return sum(@run);
}

for my $machine (['SVM', qemu('--icount'), 1], ['VMX', bochs(), 2]) {
    my ($name, $command, $cpus) = @$machine;

    for my $n (2, 3, 5, 8) {
        my $config = spinners($n, sub { "timeslice = 1000\n" });
        my ($doc) = reports("$command $config", 0, "$name: $n spinners run until the end");
        my $sum = is_fair($doc, "$name, $n spinners on one CPU", map { "s$_" } 1 .. $n);
        cmp_ok($sum, '>', 950, "$name: and all together nearly all of a second: $sum ms");
    }

    # Pinned to the last CPU, and slices of 300 us: an idle CPU beside them changes nothing. (QEMU's virtual time goes on
    # for all CPUs while one of them runs, so what a CPU did in a time is not to be had there.)
    my $config = spinners(3, sub { 'pin = ' . ($cpus - 1) . "\ntimeslice = 300\n" });
    my ($doc) = reports("$command --cpus $cpus $config", 0, "$name: 3 spinners, pinned");
    is_fair($doc, "$name, 3 spinners pinned to the last of $cpus CPUs", 's1', 's2', 's3');

    # Slices say how long a turn is: one that is three times as long is three times the part.
    $config = spinners(2, sub { 'timeslice = ' . ($_[0] == 1 ? 3000 : 1000) . "\n" });
    ($doc) = reports("$command $config", 0, "$name: 2 spinners, timeslices of 3 ms and 1 ms");
    my $ratio = $doc->{table}{s1}{run} / ($doc->{table}{s2}{run} || 1);
    ok(abs($ratio / 3 - 1) < 0.02, sprintf('%s: their parts are as 3 to 1: %.3f', $name, $ratio));
}
done_testing;
