#!/usr/bin/perl
# Hostile guests, and seven canaries beside them that notice nothing, on 1, 2 and 4 CPUs.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

my $canaries = 7;
my $kinds = 13; # of state that a canary looks after

# The config with so many milliseconds for the canaries, so many random hypercalls, and each port of so many.
sub hostile_config
{
    my ($name, $ms, $calls, $step) = @_;
    my $text = get_file("$top/config/hostile.conf");
    for ([qr/\bms=\d+/, "ms=$ms"], [qr/^args = hypercalls \d+/m, "args = hypercalls $calls"],
         [qr/^args = ports \d+/m, "args = ports $step"], [qr/^timeout = \d+/m, 'timeout = 3600']) {
        my ($what, $with) = @$_;
        $text =~ s/$what/$with/g or die "config/hostile.conf has no $what";
    }
    put_file("$work/$name.conf", $text);
    return $text;
}

# The results of a VM as lines.
sub results_of { my ($doc, $vm) = @_; return map { $_->{name} } @{$doc->{results}{$vm}{subtest}{results} // []} }

sub canaries_sing
{
    my ($name, $doc) = @_;
    my %rounds = map { my $vm = "canary$_"; ($vm => [map { /: (\d+) rounds$/ ? $1 : () } results_of($doc, $vm)]) } 0 .. $canaries - 1;
    my @least = sort { $a <=> $b } map { @$_ } values %rounds;

    is_deeply([map { scalar @$_ } values %rounds], [($kinds) x $canaries], "$name: canaries looked after $kinds kinds of state");
    cmp_ok($least[0] // 0, '>=', 5, "$name: each of them again and again");
    cmp_ok($doc->{table}{spin}{preemptions}, '>=', 100, "$name: while one VM spun with interrupts off");
}

sub survives
{
    my ($name, $command, $ms, $calls, $step) = @_;
    my $config = hostile_config('hostile', $ms, $calls, $step);
    my ($doc, $text) = reports("$command --config $work/hostile.conf", 0, "$name: passes, and reports so by the rules");
    my %end = map { ($_ => $doc->{table}{$_}{end}) } keys %{$doc->{table}};

    is_deeply(\%end, expected_ends($config), "$name: each VM ends as it should") or diag($text);
    canaries_sing($name, $doc);
    like(join("\n", results_of($doc, 'hypercalls')), qr/^$calls hypercalls, seed 1: \d+ done, \d+ refused, 0 strange results$/m,
        "$name: $calls hypercalls with random arguments");
    is(scalar(grep { /^result \d+ of a flood$/ } results_of($doc, 'results')), 100, "$name: no result of a flood is lost");
    like(join("\n", results_of($doc, 'ping')), qr/\b1000\b/, "$name: messages between others come through");
}

# All of it takes minutes for each machine. TCG with one CPU is quick enough to have it always.
my @whole = (4000, 1000000, 1);
my @part = (1000, 10000, 32);
for my $cpus (1, 2, 4) {
    survives("SVM, CPUs: $cpus", qemu("--cpus $cpus --timeout 3600"), $ENV{NESTOR_WHOLE} || $cpus == 1 ? @whole : @part);
    survives("VMX, CPUs: $cpus", bochs("--cpus $cpus --timeout 3600"), $ENV{NESTOR_WHOLE} ? @whole : @part);
}
done_testing();
