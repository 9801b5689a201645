#!/usr/bin/perl
# A monitor that goes wrong ends its own VM, with the reason told, and nobody else's. The monitor here is the real one
# with a choice of faults in front of it (tests/data/monitor_faults.asm), picked by the VM's args.
use strict;
use warnings;
no warnings 'portable'; # of numbers with 64 bits
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

# Links the real monitor's objects once more, with the faults' entry point.
sub make_monitor
{
    my ($objects) = get_file("$build/monitor.elf.list") =~ /^(.+)$/m;
    my $link = "ld -nostdlib -static -z max-page-size=4096 -z noexecstack --gc-sections --build-id=none "
        . "-T vmm/lib/task.ld -e faults_start -o $work/faulty/monitor.elf $objects $work/faults.o "
        . "--start-group $build/newlib/lib/libc.a $build/newlib/lib/libm.a \$(gcc -print-libgcc-file-name) --end-group";
    my ($status, $text) = run("cd $top && nasm -f elf64 -o $work/faults.o tests/data/monitor_faults.asm && "
        . "rm $work/faulty/monitor.elf && $link");

    is($status, 0, 'the faulty monitor is linked') or diag($text);
}

# What a VM's args pick, and the vector and address that the machine must tell. QEMU's TCG takes a page fault at IRET (it
# reads the stack as the kernel would, and SMAP forbids that), and has no #XM.
my ($kernel, $direct, $behind) = map { oct "0x$_" } qw(ffffffff80100000 ffff800000100000 240000000);
my @faults = (
    ['divide', 0], ['debug', 1], ['ud2', 6], ['x87', 16], ['simd', qr/19|6/],
    ['null', 14, 0], ['kernel', 14, $kernel], ['direct', 14, $direct], ['text', 14],
    ['args', 14, 0x200000], ['image', 14], ['nx', 14], ['gokernel', 14, $kernel], ['stack', 14],
    ['behind', 14, $behind], ['noncan', 13], ['cli', 13], ['hlt', 13], ['in', 13], ['out', 13], ['wrmsr', 13], ['cr3', 13],
    ['lidt', 13], ['invd', 13], ['int3', 13], ['int2', 13], ['int128', 13], ['iret', qr/13|14/], ['sysexit', qr/6|13/],
    ['vmxoff', qr/6|13/], ['vmrun', qr/6|13/], ['badrsp', 6], ['secret', 6], ['flags', 6], ['ring', 6],
);
my @others = (['hello64', 'exit 0'], ['hello16', 'halt'], ['heap', 'no-memory'], ['loops', 'running']);

link_build("$work/faulty");
make_monitor();
put_file("$work/faults.conf", join '', "[machine]\ntimeout = 30\n",
    (map { "[vm $_->[0]]\nimage = hello64.elf\nargs = $_->[0]\nexpect = monitor-fault\n" } @faults),
    (map { "[vm $_->[0]]\nimage = " . ($_->[0] eq 'hello16' ? "hello16.bin\nkind = flat16" : 'hello64.elf')
        . "\nargs = $_->[0]\nexpect = $_->[1]\n" } @others));

for my $machine (
    ['QEMU, 1 CPU', qemu('--cpus 1')], ['QEMU, 4 CPUs', qemu('--cpus 4')],
    ['Bochs, VMX, 1 CPU', bochs()], ['Bochs, VMX, 4 CPUs', bochs('--cpus 4')],
) {
    my ($name, $command) = @$machine;
    my ($doc, $text) = reports("export BUILD=$work/faulty; $command --config $work/faults.conf", 0, "$name: all end as meant");
    my %told = $text =~ /^    # Subtest: (\S+)\n    1\.\.1\n    # its monitor faulted: (vector \d+, address 0x[0-9a-f]+)$/mg;

    for my $fault (@faults) {
        my ($args, $vector, $address) = @$fault;
        my $at = defined $address ? sprintf '0x%x', $address : qr/0x[0-9a-f]+/;
        like($told{$args} // 'nothing', qr/^vector (?:$vector), address $at$/, "$name: a monitor's $args is told");
    }
    is($doc->{table}{$_->[0]}{end}, $_->[1], "$name: $_->[0] ends with $_->[1]") for @others;
}

# Threads of one monitor on several CPUs. Bochs has the CPUs step together, so that they do meet.
put_file("$work/threads.conf", "[vm threads]\nimage = hello64.elf\nvcpus = 3\nargs = threads\nrepeat = 300\n");
reports("export BUILD=$work/faulty; " . bochs('--cpus 4') . " --config $work/threads.conf", 0,
    'three threads may touch a page at the same time, and end at any moment');

done_testing;
