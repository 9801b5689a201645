#!/usr/bin/perl
# The default machine on every emulator that can run it, and what it is to run several guests side by side.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

my $default = "$top/config/default.conf";

# Boots the config; -> what it reported, after the tests that hold for each machine in which nothing goes wrong.
sub runs_well
{
    my ($name, $config, $command) = @_;
    my ($doc, $text) = reports("$command --config $config", 0, "$name: passes, and reports so by the rules");
    my %end = map { ($_ => $doc->{table}{$_}{end}) } keys %{$doc->{table}};

    is_deeply(\%end, expected_ends(get_file($config)), "$name: each VM ends as it should") or diag($text);
    is($doc->{verdict}, 'pass', "$name: the verdict");
    return $doc;
}

# The lines of guests that print something, each of them whole and in its order.
sub prints_whole_lines
{
    my ($name, $doc) = @_;
    my %printed = map { ($_ => $doc->{printed}{$_}) } qw(hello16 hello64 hypercalls nowhere);

    is_deeply(\%printed, {hello16 => ['4'], hello64 => ['hello from 64-bit mode: e is 2.718281828459045',
        'argument 1: one', 'argument 2: two'], hypercalls => ['a line after all of that'], nowhere => undef},
        "$name: what guests print, and nothing else");
}

# A guest that never yields, interrupts off, had the CPU taken away from it all the same.
sub interleaves
{
    my ($name, $doc) = @_;
    my $ended_before = $doc->{results}{spin}{number} - 1;

    cmp_ok($doc->{table}{spin}{preemptions}, '>=', 3, "$name: the spinning guest was preempted");
    cmp_ok($doc->{table}{compute}{preemptions}, '>=', 1, "$name: and a computing one");
    is($ended_before, @{$doc->{order}} - 1, "$name: the others ended beside the spinning guest");
}

for my $machine (
    ['QEMU, SVM, 1 CPU', qemu('--cpus 1')],
    ['QEMU, SVM, 4 CPUs', qemu('--cpus 4')],
    ['Bochs, VMX, 1 CPU', bochs('--cpus 1')],
    ['Bochs, VMX, 4 CPUs', bochs('--cpus 4')],
) {
    my ($name, $command) = @$machine;
    my $doc = runs_well($name, $default, $command);
    my ($backend, $cpus) = $name =~ /, (\S+), (\d)/;

    like($doc->{before}, qr/^Machine .*\b$cpus CPUs?, .*^Back end +$backend$/ms, "$name: the passport");
    prints_whole_lines($name, $doc);
    interleaves($name, $doc);
}

# Bochs's SVM can't preempt a guest with interrupts off, panics when a virtual-8086 task exits, and stops at a guest's
# triple fault (docs/emulators.md). The rest runs there, with the CPU telling where the next instruction is.
my %out = map { ($_ => 1) } qw(spin vm86 triple-fault);
my @sections = split /^(?=\[)/m, get_file($default);
put_file("$work/ryzen.conf", join '', grep { !/^\[vm (\S+)\]/ || !$out{$1} } @sections);
my $doc = runs_well('Bochs, SVM', "$work/ryzen.conf", bochs('--model ryzen'));
like($doc->{before}, qr/^Back end +SVM\n.*\bnext-RIP save\b/ms, 'Bochs, SVM: the passport');
prints_whole_lines('Bochs, SVM', $doc);
is(@{$doc->{order}}, 10, 'Bochs, SVM: ten VMs');

# A VM that does not do what the config says is a failure of the machine, and the others are none.
put_file("$work/wrong.conf", <<'END_OF_CONFIG');
[vm right]
image = compute.elf
[vm wrong-end]
image = hello64.elf
expect = halt
[vm wrong-status]
image = fault.elf
args = bad-hypercall
[vm wrong-output]
image = hello16.bin
kind = flat16
output = 5\n
expect = halt
[vm not-running]
image = hello16.bin
kind = flat16
background = yes
END_OF_CONFIG
for my $machine (['QEMU', qemu()], ['Bochs', bochs()]) {
    my ($name, $command) = @$machine;
    my ($doc, $text) = reports("$command --config $work/wrong.conf", 1, "$name: VMs that do something else: a failure");
    my %ok = map { ($_ => $doc->{results}{$_}{ok} ? 1 : 0) } @{$doc->{order}};

    is_deeply(\%ok, {right => 1, 'wrong-end' => 0, 'wrong-status' => 0, 'wrong-output' => 0, 'not-running' => 0},
        "$name: it is theirs") or diag($text);
    is($doc->{verdict}, 'fail', "$name: the verdict");
    like($text, qr/^    # exit 0: the guest says so\n    not ok \d+ ends with halt\nnot ok \d wrong-end$/m, "$name: another end");
    like($text, qr/^    # exit 1: the guest says so\n    not ok \d+ ends with exit 0\nnot ok \d wrong-status$/m,
        "$name: another status");
    like($text, qr/^    # it printed 2 bytes: "4\\n"\n    not ok 1 prints "5\\n"$/m, "$name: another output");
    like($text, qr/^    not ok \d+ runs until the others are done\nnot ok \d not-running$/m, "$name: an end too early");
}

# Four guests, each of which computes for half a second of the machine's time: one CPU needs two seconds, four need less
# than one. Time is up then: who still runs has failed.
put_file("$work/four.conf", join '', "[machine]\ntimeout = 1\n", map { "[vm c$_]\nimage = compute.elf\n" } 1 .. 4);
my $four = "$work/four.conf";
runs_well('half a second each, on 4 CPUs', $four, bochs('--cpus 4'));
($doc, my $text) = reports(bochs("--cpus 1 --config $four"), 1, 'half a second each, on one CPU: time is up');
like($text, qr/^# the machine's time is up: 1 seconds$/m, 'the machine says so');
is_deeply([map { $_->{end} } values %{$doc->{table}}], [('running') x 4], 'four VMs still run then');
my @preemptions = sort { $a <=> $b } map { $_->{preemptions} } values %{$doc->{table}};
cmp_ok($preemptions[0], '>', 0.75 * $preemptions[3], "and had their turns alike: @preemptions");

done_testing;
