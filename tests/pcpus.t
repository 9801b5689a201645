#!/usr/bin/perl
# Which CPUs take part: all that are there and alike, up to 64; the others are left out, and the machine runs without them.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

# A line of the kernel's about a CPU that it does without.
sub left_out { my ($id, $why) = @_; return qr/^Nestor: the CPU with APIC id $id is left out: \Q$why\E$/m }

# One test: the machine comes up with so many CPUs, says these lines about the others and no more, and gets through its config.
sub comes_up
{
    my ($command, $cpus, $name, @lines) = @_;
    my ($status, $text) = run($command);
    my @missing = grep { $text !~ $_ } qr/^Machine .*\b$cpus CPUs?,/m, qr/^NESTOR END pass$/m, @lines;
    my @said = $text =~ /^(Nestor: .*)$/mg;
    ok($status == 0 && !@missing && @said == @lines, $name)
        or diag("$command\nended with $status, said @said", (map { "\nbut not $_" } @missing), ":\n$text");
}

my $cpu = '-device max-x86_64-cpu,socket-id=0,thread-id=0,core-id';

# ---- All there are ----
$kernel_machine::config = "$top/config/default.conf";
comes_up(qemu('--cpus 64'), 64, 'QEMU: the default machine on 64 CPUs');
$kernel_machine::config = "$top/tests/data/boot/one.conf";
comes_up(qemu('--cpus 65'), 64, 'QEMU: 64 of 65 CPUs', qr/^Nestor: 1 more CPUs are left out: 64 is the most$/m);
comes_up(qemu('--cpus 4 --append cpus=2'), 2, 'QEMU: two of four, as the command line wants it');

# ---- Not all that the MADT has a line for are there: QEMU tells of empty sockets as disabled CPUs ----
comes_up(qemu("--qemu-option '-smp 2,maxcpus=8'"), 2, 'QEMU: disabled entries of the MADT are passed over');
comes_up(qemu("--qemu-option '-smp 1,maxcpus=8' --qemu-option '$cpu=6'"), 2, 'QEMU: and one behind them is found');

# ---- CPUs that can do less than the first, or other things ----
for (['svm=off', 'no SVM'], ['npt=off', 'SVM without nested paging: Nestor needs it'],
    ['vgif=off', "its virtualization capabilities differ from the boot CPU's"]) {
    my ($property, $why) = @$_;
    my @options = ('-smp 1,maxcpus=4', "$cpu=1,$property", "$cpu=2");
    comes_up(qemu(map { "--qemu-option '$_'" } @options), 2, "QEMU: a CPU with $property among others", left_out(1, $why));
}

# ---- CPUs that do not start, or too late; the next ones do ----
for my $how ('silent', 'late') {
    for (['QEMU', qemu('--cpus 4')], ['Bochs', bochs('--cpus 4')]) {
        my ($name, $command) = @$_;
        comes_up("$command --append provoke=$how-cpu", 3, "$name: a $how CPU", left_out(1, 'it does not start'));
    }
}

# ---- One that takes the kernel lock again and again does not keep the others out of it. With --icount the CPUs go in step:
# root, which asks whether a VM has left its CPU, always had the lock whenever that CPU looked at it. ----
put_file("$work/lock.conf", join '', "[vm clock]\nimage = sleep.elf\n",
    map { "[vm s$_]\nimage = spin.elf\nbackground = yes\npin = 1\ntimeslice = 300\n" } 1 .. 3);
$kernel_machine::config = "$work/lock.conf";
comes_up(qemu('--icount --cpus 2'), 2, 'QEMU, CPUs in step: VMs on another CPU can be ended');
done_testing;
