#!/usr/bin/perl
# The lives of VMs: one after another, again after a failure, again and again; several vCPUs; memory that comes and goes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

my $data = "$top/tests/data";

# Everything in lives.conf but `fails` does what it is meant to do, so the machine's verdict is fail.
sub lives
{
    my ($command, $name) = @_;
    my ($status, $text) = run($command);
    is($status, 1, "$name: the verdict is fail") or diag($text);
    like($text, qr/^# 8 passed, 1 failed, 0 skipped$/m, "$name: one VM fails");
    like($text, qr/^not ok \d+ fails$/m, "$name: the one that reads from a hole");
    is(() = $text =~ /^# fails: started again, time \d of 3: hole/mg, 3, "$name: it got three more tries");
    like($text, qr/^ok \d+ first\n.*^ok \d+ second\n.*^ok \d+ third\n/ms, "$name: one began after another");
    unlike($text, qr/^    # Subtest: second\n.*^# first: hello/ms, "$name: the first was silent by then");
    like($text, qr/^    ok \d+ the token came to each of 3 vCPUs 5 times$/m, "$name: three vCPUs interrupt each other");
    like($text, qr/^    ok \d+ the token came to each of 2 vCPUs 5 times$/m, "$name: so do two on one CPU");
    return $text;
}

$kernel_machine::config = "$data/lives.conf";
lives(qemu(), 'SVM, 1 CPU');
lives(bochs(), 'VMX, 1 CPU');
for ([qemu('--cpus 3'), 'SVM, 3 CPUs'], [bochs('--cpus 3'), 'VMX, 3 CPUs']) {
    my $text = lives(@$_);
    my ($moves) = $text =~ /^# moved to another CPU: noise, (\d+) times$/m;
    cmp_ok($moves // 0, '>=', 1, "$_->[1]: a spinning vCPU was moved to other CPUs");
    like($text, qr/^# moved to another CPU: smp-pinned, 0 times$/m, "$_->[1]: a pinned one was not");
}

# vCPUs that compute all the time, each sent to other CPUs again and again: nothing that they have gets lost on the way.
$kernel_machine::config = "$data/migrate.conf";
for ([qemu('--icount --cpus 4'), 'SVM'], [bochs('--cpus 4'), 'VMX']) {
    my ($status, $text) = run($_->[0]);
    is($status, 0, "$_->[1], 4 CPUs: guests that are moved all the time end well") or diag($text);
    my @moves = $text =~ /^# moved to another CPU: \S+, (\d+) times$/mg;
    cmp_ok((sort { $a <=> $b } @moves)[0] // 0, '>=', 5, "$_->[1], 4 CPUs: each was moved: @moves");
}

# The same and pauses between them; one that has a CPU while it is paused makes the run fail.
$kernel_machine::config = "$data/pauses.conf";
for ([qemu('--cpus 4'), 'SVM', 4], [bochs('--cpus 4'), 'VMX', 4], [qemu('--icount'), 'SVM', 1], [bochs(), 'VMX', 1]) {
    my ($command, $backend, $cpus) = @$_;
    my ($doc) = reports("$command --timeout 250", 0, "$backend, $cpus CPUs: guests that are paused all the time end well");
    my %pauses = map { /^# pauses of (\S+): (\d+)$/ ? ($1 => $2) : () } @{$doc->{notes}};

    my $sum = 0;
    $sum += $_ for values %pauses;
    cmp_ok($sum, '>=', 100, "$backend, $cpus CPUs: they were paused $sum times");
}

# Memory is the same to the page after 1000 lives; the environment can ask for more.
my $cycles = $ENV{NESTOR_CYCLES} // 1000;
(my $conf = get_file("$data/cycles.conf")) =~ s/^repeat = .*/repeat = $cycles/m;
put_file("$work/cycles.conf", $conf);
$kernel_machine::config = "$work/cycles.conf";
for ([qemu(), 'SVM'], [bochs(), 'VMX']) {
    my ($status, $text) = run($_->[0]);
    is($status, 0, "$_->[1]: $cycles lives of a VM end well") or diag($text);
    my ($early, $late) = $text =~ /^# (\d+) KiB were free after the first runs, (\d+) KiB after the last$/m;
    ok(defined $early && $early == $late, "$_->[1]: and leave the same memory free");
}
done_testing();
