#!/usr/bin/perl
# The kernel's own pages, while VMs run: what QEMU's monitor tells of the control registers and page tables of an idle CPU.
# And a machine check on two CPUs at once: one panic, with the last events, and the end of the machine.
use strict;
use warnings;
no warnings 'portable'; # of numbers with 64 bits
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

my $seconds = 40;

# From some time on, only CPU 0 has something to do.
put_file("$work/busy.conf", join "\n", '[vm one]', 'image = hello64.elf', 'pin = 1', '[vm two]', 'image = hello64.elf', 'pin = 2',
    'after = one', '[vm spin]', 'image = spin.elf', 'pin = 0', 'after = two', '');

# Starts a machine whose guests run by now; -> its process. Its monitor is at the other end of ask().
sub start
{
    my ($options) = @_;
    my ($socket, $log) = ("$work/monitor", "$work/serial.log");
    unlink $socket, $log, "$work/output";
    my $process = fork // die "fork: $!";
    exec "exec $top/tools/run-qemu --tcg --timeout $seconds --log $log --config $work/busy.conf $options "
        . "--qemu-option '-monitor unix:$socket,server=on,wait=off' >$work/output 2>&1" if !$process;
    for (1 .. 5 * $seconds) {
        last if -e $log && get_file($log) =~ /spinning with interrupts off/;
        select undef, undef, undef, 0.2;
    }
    monitor($socket);
    return $process;
}

my $process = start('--cpus 3');
ask('cpu 1');
my $registers;
for (1 .. 50) {
    ask('stop');
    $registers = ask('info registers');
    last if $registers =~ /^CS =0008 .*/m && $registers =~ /HLT=1/;
    ask('cont');
    select undef, undef, undef, 0.05;
}
like($registers, qr/HLT=1/, 'a CPU with nothing to do sleeps, in the kernel') or diag($registers);
my %register = map { $_ => $registers =~ /\b$_=\s*([0-9a-f]+)/ ? hex $1 : 0 } qw(CR0 CR4 EFER);
ok($register{CR0} >> 16 & 1, 'CR0.WP: the kernel can\'t write where it may not');
ok($register{CR4} >> 20 & 1, 'CR4.SMEP: it can\'t execute what is ring 3\'s');
ok($register{CR4} >> 21 & 1, 'CR4.SMAP: it reads and writes there only where it means to');
ok($register{CR4} >> 11 & 1, 'CR4.UMIP');
ok($register{EFER} >> 11 & 1, 'EFER.NXE');

# ADDRESS: PHYSICAL XGPDACTUW, X for no-execute, P for a large page; '-' where a letter does not hold.
my @pages = map { /^([0-9a-f]{16}): [0-9a-f]{16} (\S{9})$/ ? {at => hex $1, text => $_, flags => $2} : () } split /\n/, ask('info tlb');
my $nm = (run("nm $build/nestor.elf"))[1];
my ($start, $end) = map { $nm =~ /^([0-9a-f]+) \S $_$/m ? hex $1 : 0 } 'kernel_text_start', 'kernel_text_end';
my @executable = grep { $_->{flags} !~ /^X/ } @pages;
cmp_ok(scalar @pages, '>', 100, 'the kernel has pages');
is(join("\n", map { $_->{text} } grep { $_->{flags} =~ /W$/ } @executable), '', 'none is writable and executable');
is(join("\n", map { $_->{text} } grep { $_->{flags} =~ /U.$/ } @pages), '', 'none is ring 3\'s');
is(join("\n", map { $_->{text} } grep { $_->{at} < $start || $_->{at} >= $end } @executable), '',
    'only the kernel\'s text is executable');
is(scalar @executable, ($end - $start) / 4096, 'and all of that is');

# struct pcpu, and the stacks for #DF, NMI, #MC and all else: kernel/cpu/pcpu.h.
my %there = map { $_->{at} => 1 } @pages;
for my $cpu (0, 1) {
    my @offsets = grep { $there{0xffffff8000000000 + $cpu * 0x10000 + $_ * 0x1000} } 0 .. 15;
    is("@offsets", '0 1 3 5 7 12 13 14 15', "CPU $cpu: a page that is not there below each stack");
}
ask('quit');
waitpid $process, 0;

# Two CPUs that sleep get one at the same moment. (CPU 0 is in a guest: QEMU would look at that one's CR4.MCE.)
$process = start('--cpus 3');
ask($_) for 'stop', map { "mce $_ 9 0xbd00000000000000 5 0 0" } 1, 2;
ask('cont');
waitpid $process, 0;
my ($status, $text) = ($? >> 8, get_file("$work/output") =~ s/\r//gr);
is($status, $kernel_machine::NO_VERDICT, 'a machine check on two CPUs: a failure') or diag($text);
is(() = $text =~ /^Nestor panic: /mg, 1, 'one panic');
like($text, qr/^Nestor panic: #MC \(vector 18, error code 0\) in the kernel\nRAX .*^back trace:$/ms, 'it has the registers');
like($text, qr/^last events of pCPU \d, the newest last; an exit has its reason and RIP:\n(?:  .*\n)+/m, 'and the last events');
unlike($text, qr/no end after|another error/, 'and an end');
done_testing;
