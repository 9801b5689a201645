#!/usr/bin/perl
# config/costs.conf: a table of what exits cost on any machine, in instructions where the emulator counts them, each with its
# ratio to the bare floor of the same run.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

my $costs = "$top/config/costs.conf";
my @events = qw(floor cpuid hypercall hypercall-monitor out-monitor fault-present fault-fresh interrupt halt-wake message-roundtrip);

# The table that a machine prints: its unit, and [min, median, ratio] by name.
sub table
{
    my ($name, $command) = @_;
    my (undef, $text) = reports($command, 0, "$name: passes");
    my %table = map { my ($event, @figures) = split ' '; ($event => \@figures) }
        $text =~ /^# cost: (\S+ \d+\.\d\d \d+\.\d\d \d+\.\d\d)$/mg;
    is_deeply([sort keys %table], [sort @events], "$name: all events") or diag($text);
    my @wrong = grep { my ($min, $median, $ratio) = @{$table{$_}}; $median < $min ||
        abs($ratio - $min / $table{floor}[0]) > 0.01 + 0.01 * $ratio } keys %table;
    is_deeply(\@wrong, [], "$name: no median below the minimum, ratios to the floor");
    my ($unit) = $text =~ /^# cost: unit (\w+)$/m;
    return ($unit, \%table);
}

for (
    ['VMX, Bochs', 1, bochs("--config $costs")],
    ['VMX, Bochs, 2 CPUs', 0, bochs("--cpus 2 --config $costs")],
    ['SVM, TCG by instructions', 1, qemu("--icount --config $costs")],
    ['SVM, TCG by instructions, 4 CPUs', 0, qemu("--icount --cpus 4 --config $costs")],
) {
    my ($name, $one, $command) = @$_;
    my ($unit, $table) = table($name, $command);
    my @ordered = map { $table->{$_}[0] } qw(floor hypercall cpuid out-monitor message-roundtrip);

    next if !$one; # with several CPUs, the other ones run meanwhile by the same clock
    is($unit, 'instructions', "$name: the unit");
    cmp_ok($table->{floor}[0], '<=', 12, "$name: a floor of hardly any instructions");
    cmp_ok($table->{floor}[0], '>=', 6, "$name: and not of none");
    is_deeply(\@ordered, [sort { $a <=> $b } @ordered], "$name: what does more costs more") or diag("@ordered");
    is_deeply([grep { $table->{$_}[0] != $table->{$_}[1] } qw(floor cpuid hypercall out-monitor)], [],
        "$name: each batch is like the others");
}
my ($unit) = table('SVM, TCG by the clock', qemu("--config $costs"));
is($unit, 'ticks', 'by the clock, they are ticks');

done_testing;
