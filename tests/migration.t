#!/usr/bin/perl
# Sixteen vCPUs, each sent to another CPU again and again: nothing that they have gets lost on the way.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use List::Util 'min';
use kernel_machine;

# TCG with --icount counts 1000 instructions a microsecond, Bochs 50: turns and times are as long as gives so many moves.
my $moves = $ENV{NESTOR_WHOLE} ? 10000 : 50;
for (['SVM', qemu('--icount --cpus 4 --timeout 3600'), 10, $ENV{NESTOR_WHOLE} ? 9000 : 200],
     ['VMX', bochs('--cpus 4 --timeout 3600'), 100, $ENV{NESTOR_WHOLE} ? 15000 : 250]) {
    my ($name, $command, $turn, $ms) = @$_;
    (my $text = get_file("$top/config/migration.conf")) =~ s/\bms=\d+/ms=$ms/g;
    $text =~ s/^timeslice = .*/timeslice = $turn/mg;
    $text =~ s/^timeout = .*/timeout = 3600/m;
    put_file("$work/migration.conf", $text);
    my ($doc) = reports("$command --config $work/migration.conf", 0, "$name: canaries that are moved all the time end well");
    my @moved = map { /^# moved to another CPU: canary\d+, (\d+) times$/ ? $1 : () } @{$doc->{notes}};
    is(scalar @moved, 16, "$name: sixteen of them");
    cmp_ok(min(@moved) // 0, '>=', $moves, "$name: each was moved $moves times or more: @moved");
}

# One alone, with nothing to do on the other CPUs: it gets to where it is sent.
put_file("$work/one.conf", "[machine]\nmigrate = 100\n[vm one]\nimage = canary.elf\nargs = seed=1 ms=1500 rounds=5\ntimeslice = 100\n");
for (['SVM', qemu('--icount --cpus 4')], ['VMX', bochs('--cpus 4')]) {
    my ($name, $command) = @$_;
    my ($doc) = reports("$command --config $work/one.conf", 0, "$name: a canary alone that is moved all the time ends well");
    my ($moved) = map { /^# moved to another CPU: one, (\d+) times$/ ? $1 : () } @{$doc->{notes}};
    cmp_ok($moved // 0, '>=', 50, "$name: it was moved");
}
done_testing();
