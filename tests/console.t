#!/usr/bin/perl
# Serial lines by choice, framebuffers, the final screen, and the end of a machine that has no serial line.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;
use screen;

my $modules = join ',', "$build/root.elf", "$build/monitor.elf", $config, "$build/guests/hello64.elf";
my $machine = 'qemu-system-x86_64 -accel tcg -m 128 -nic none -display none';
my $exit = '-device isa-debug-exit,iobase=0xf4,iosize=4';

# A machine that boots the kernel itself, without our tool, which knows how things should be. Its status for a pass is 1.
sub raw { my ($append, $options) = @_; return "$machine -kernel $build/nestor.elf -append '$append' -initrd $modules $options" }

# ---- Serial lines ----

my $quiet = '-cpu max -monitor none -no-reboot';

sub serial
{
    my ($append, $options, $name, @patterns) = @_;
    ends('timeout 60 ' . raw($append, "$quiet $exit $options"), 1, $name, @patterns);
}

my $whole = qr/\ANestor\nMachine .*^NESTOR END pass$/ms;
serial('', '-serial stdio', 'com1 without a word', $whole);
serial('serial=com2', '-serial null -serial stdio', 'com2', $whole);
serial('serial=com4,9600', '-serial null -serial null -serial null -serial stdio', 'com4, slower', $whole);
serial('serial=0x3E8,57600', '-serial null -serial null -serial stdio', 'a port', $whole);
serial('serial=pci:0:05.0,115200', '-serial null -device pci-serial,chardev=c,addr=5 -chardev stdio,id=c', 'a PCI card', $whole);
serial('serial=com2', '-serial stdio -serial null', 'nothing on com1 when it is com2', qr/\A\z/);
serial('serial=off', '-serial stdio', 'serial=off', qr/\A\z/);
serial('', '-serial none', 'a machine without a UART', qr/\A\z/);

sub reported
{
    my ($word, $why, $options) = @_;
    serial("serial=$word", '-serial stdio ' . ($options // ''), "serial=$word is reported",
        qr/\ANestor\nNestor: serial=\Q$word\E on the command line: $why; com1 is used\n/, qr/^NESTOR END pass$/m);
}

my $expected = qr/expected off, or com1 to com4, a port such as 0x2f8, or pci:BUS:DEVICE\.FUNCTION, and perhaps ,SPEED/;
reported($_, $expected) for 'com5', 'com1,12', 'pci:0:4';
reported('com2', qr/no UART answers there/);
reported('pci:0:05.0', qr/no PCI device is there/);
reported('pci:0:05.0', qr/PCI device 1b36:000d has no I\/O ports, and a UART in memory can't be used/, '-device qemu-xhci,addr=5');

# ---- Screens ----

# Starts a machine whose monitor ask() talks to; -> its process. Its serial line is in $work/log.
sub start
{
    my ($command) = @_;
    my $process = fork // die "fork: $!";
    unlink "$work/log";
    exec "exec timeout 100 $command -monitor unix:$work/monitor,server=on,wait=off >$work/output 2>&1" if !$process;
    monitor("$work/monitor");
    return $process;
}

sub stop
{
    my ($process) = @_;
    ask('quit');
    waitpid $process, 0;
}

my $serial = "-serial file:$work/log -no-reboot";

sub make_iso
{
    my ($name, @options) = @_;
    my ($status, $text) = run("$top/tools/make-iso --config $config @options $work/$name");
    is($status, 0, "make-iso $name") or diag($text);
    return "-cdrom $work/$name";
}

sub cut { my ($row) = @_; return substr($row, 0, 80) =~ s/ +$//r }

# The pages of framebuffer and local APIC by the memory types that their bits PWT (T) and PCD (C) choose; and IA32_PAT, which says
# what these are, on both CPUs, after guests have run: 6 is WB, 1 is WC, 0 is UC. No command of QEMU's shows it, but its file of a
# whole machine has it, with the highest byte first.
sub memory_types
{
    my ($mode) = @_;
    my ($frame) = ask('info pci') =~ /VGA controller.*?BAR0: 32 bit prefetchable memory at (0x[0-9a-f]+)/s;
    my %flags;
    for (split /\n/, ask('info tlb')) {
        my ($physical, $flags) = /^ffffff90[0-9a-f]{8}: ([0-9a-f]{16}) (\S{9})$/ or next;
        $flags{hex $physical >= hex $frame && hex $physical < hex($frame) + (16 << 20) ? 'frame' : $physical}{$flags =~ tr/CT//cdr}++;
    }
    is_deeply([keys %{$flags{frame} // {}}], ['T'], "$mode: the framebuffer is mapped by PAT entry 1");
    is_deeply($flags{'00000000fee00000'}, {C => 1}, "$mode: the local APIC by entry 2");
    unlink "$work/machine";
    ask("migrate \"exec:cat >$work/machine\"");
    is(scalar(() = get_file("$work/machine") =~ /\0\x07\x04\x06\0\0\x01\x06/g), 2, "$mode: these are WC and UC on both CPUs");
}

# The log of a whole run is on the screen, as it is on the serial line.
for my $case (['800x600x32', 1], ['1024x768x24', 1], ['1920x1080x32', 2]) {
    my ($mode, $scale) = @$case;
    my $iso = make_iso("$mode.iso", "--graphics $mode", "--append 'hold=1 screen=log'");
    my $process = start("$machine -cpu max -smp 2 $serial $iso");
    my @rows = wait_for_row(qr/what it was meant to do\.$/, sub { pixel_cells($scale) });
    memory_types($mode);
    stop($process);
    my @log = split /\r?\n/, get_file("$work/log");
    is(join("\n", @rows), join("\n", map { cut($_) } @log[-25 .. -1]), "$mode: the end of the log, pixel by pixel");
}

# The final screen of a pass, as rows from the upper left corner.
my @PASS = ('', (map { $_, $_ } (
    '     ###############   ###############   ###############   ###############',
    '     ###         ###   ###         ###   ###               ###',
    '     ###         ###   ###         ###   ###               ###',
    '     ###############   ###############   ###############   ###############',
    '     ###               ###         ###               ###               ###',
    '     ###               ###         ###               ###               ###',
    '     ###               ###         ###   ###############   ###############')), '',
    ' VMs:     1 passed, 0 failed, 0 skipped');

my $iso = make_iso('16.iso', '--graphics 640x480x16', '--append hold=1');
my $process = start("$machine -cpu max $serial $iso");
for (1 .. 300) {
    last if -e "$work/log" && get_file("$work/log") =~ /meant to do/;
    select undef, undef, undef, 0.2;
}
stop($process);
like(get_file("$work/log"), qr/^Nestor: no text on the framebuffer of 640 x 480 pixels, 16 bits each: its pixels have neither 24 nor 32 bits\r\n.*^NESTOR END pass/ms,
    'a framebuffer with 16 bits: said, and on with the serial line');

my ($code, $variables) = map { "/usr/share/OVMF/OVMF_${_}_4M.fd" } 'CODE', 'VARS';
SKIP: {
    skip "no $code", 4 unless -e $code;
    $iso = make_iso('uefi.iso', "--append 'end=halt cpus=2'");
    put_file("$work/vars.fd", get_file($variables));
    $process = start("$machine -machine q35 -cpu max -smp 2 $serial $iso -m 256 -drive if=pflash,format=raw,readonly=on,file=$code "
        . "-drive if=pflash,format=raw,file=$work/vars.fd");
    my @rows = wait_for_row(qr/safe to switch/, sub { pixel_cells(2) });
    stop($process);
    is(join("\n", @rows[0 .. 16]), join("\n", @PASS), 'UEFI: the final screen, 1280x800');
    is($rows[24], 'It is safe to switch this machine off.', 'UEFI: and the last line');
    my $log = get_file("$work/log");
    like($log, qr/^Machine +halt, 2 CPUs/m, 'UEFI: both CPUs, which ACPI tells of');
    unlike($log, qr/no console will be available/, 'UEFI: GRUB knows that we can use its framebuffer');
}

# ---- The end ----

# By its CPUID and its ACPI tables, this is a machine of which nothing is known.
my $unknown = "$machine -machine pc,x-oem-id=NOBODY -cpu max,-hypervisor -kernel $build/nestor.elf -initrd";

$process = start("$unknown $modules -serial none");
my @rows = wait_for_row(qr/safe to switch/, \&vga_cells);
stop($process);
is(join("\n", @rows[0 .. 16]), join("\n", @PASS), 'no serial line: the final screen stays');
is($rows[17], ' Results: 10 passed, 0 failed, 0 skipped, 0 known differences', 'and has the counts');
like($rows[22], qr/^ Machine: nestor-[0-9a-f]{8}, acpi SVM QEMU TCG CPU version \S+ none that says so$/, 'and the passport');
ends("timeout 60 $unknown $modules -serial stdio -monitor none", 0, 'with a serial line, it goes off by ACPI', $whole);
ends("timeout 60 $unknown $modules -serial none -monitor none -append end=acpi", 0, 'or if that is asked for', qr/\A\z/);

put_file("$work/fail.conf", "[vm hello64]\nimage = hello64.elf\nexpect = halt\noutput = x\n"
    . "[vm more]\nimage = hello64.elf\nafter = hello64\n[vm nothing]\nimage = hello64.elf\nafter = more\nexpect = hole\n");
$process = start("$unknown $modules -serial none -append config=fail.conf" =~ s/\Q$config\E/$work\/fail.conf/r);
@rows = wait_for_row(qr/safe to switch/, \&vga_cells);
stop($process);
is($rows[1], '     @@@@@@@@@@@@@@@   @@@@@@@@@@@@@@@   @@@@@@@@@@@@@@@   @@@', 'a failure');
is(join("\n", @rows[16 .. 21]), join("\n", ' VMs:     1 passed, 2 failed, 0 skipped',
    ' Results: 28 passed, 3 failed, 0 skipped, 0 known differences', ' hello64: prints "x"', ' hello64: ends with halt',
    ' nothing: ends with hole', ''), 'what failed');

says("timeout 60 $unknown $modules -append end=reboot -monitor none -serial stdio", qr/(^NESTOR END pass.*^Nestor\s.*){2}/ms,
    'end=reboot: another run, and another');

done_testing;
