#!/usr/bin/perl
# The debuggers: gdb on QEMU with the command `nestor`, Bochs' own with symbols, and tools/decode.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

put_file("$work/two.conf", "[vm alone]\nimage = spin.elf\nbackground = yes\n[vm sum]\nimage = compute.elf\n");

# Runs gdb's commands, one after the other, on a machine in QEMU; -> what all of it prints.
sub gdb
{
    my ($options, @commands) = @_;
    my ($status, $text) = run("timeout 120 $top/tools/debug-qemu --config $work/two.conf $options -- -batch "
        . join ' ', map { "-ex '$_'" } @commands);
    return $text;
}

# One test a pattern.
sub shows
{
    my ($text, %patterns) = @_;
    my $all = 1;
    for my $name (sort keys %patterns) {
        $all &= like($text, $patterns{$name}, $name);
    }
    diag($text) unless $all;
}

# ---- gdb ----
# The number is the name `sum`: gdb would want malloc in the kernel for a text.
shows(gdb('--cpus 2', 'break vcpu_handle_hypercall if *(int *)vcpu->vm->name == 0x6d7573', 'ignore 1 2', 'continue', 'bt 1', 'nestor vms',
        'nestor vcpus', 'nestor queues', 'nestor vcpu sum', 'nestor vmcb sum', 'nestor trace 8', 'nestor vmcs', 'nestor vcpu nobody', 'nestor trace x', 'nestor vcpu sum y',
        'python is_svm = lambda: False', 'nestor vmcs sum'),
    'gdb stops at a function of the kernel, with its source' => qr/^#0  vcpu_handle_hypercall \(vcpu=0x[0-9a-f]+\) at kernel\/vm\/hypercall\.c:\d+$/m,
    'nestor vms' => qr/^VM +name +state .*\n0 +alone +running +1 +\d+ of \d+ +\d+ +floats +no\n1 +sum +running /m,
    'nestor vcpus' => qr/^vCPU +state .*\nalone +(?:runs in|ready|blocked).*\nsum +runs in guest mode +[01] +\d+ +\d+ +VMEXIT_VMMCALL +0x[0-9a-f]+ /m,
    'nestor queues' => qr/^pCPU +current .*\n(?:1 .*\n)?0? *.*^[01] +sum +runs in guest mode /ms,
    'nestor vcpu' => qr/^RAX 0000000000000[0-9a-f]{3}  RCX .*^last exit +VMEXIT_VMMCALL at RIP 0x/ms,
    'nestor vmcb: control bits' => qr/^VMCB_INTERCEPT_MISC1 +0x[0-9a-f]+ +INTR NMI .*CPUID.* HLT /m,
    'nestor vmcb: the exit' => qr/^VMCB_EXITCODE +0x81 +VMEXIT_VMMCALL$/m,
    'nestor vmcb: a register' => qr/^VMCB_CR0 +0x8001003[0-9a-f] +PE .*PG$/m,
    'nestor vmcb: a segment' => qr/^VMCB_CS_ATTRIBUTES +0xa9[ab] +code readable, DPL 0, 64-bit$/m,
    'nestor trace' => qr/^pCPU 0: .*\n(?: +\d+  \S+ .*\n){4,8}pCPU 1: /m,
    'nestor trace names exits' => qr/^ +\d+  sum\.0 +VMEXIT_VMMCALL at RIP 0x/m,
    'nestor vmcs, on SVM' => qr/^this machine has SVM: `nestor vmcb`$/m,
    'a number that is none' => qr/^x is no number\ny is no number$/m,
    'a VM that is not there' => qr/^no VM is called nobody; `nestor vms` lists them$/m,
    'nestor vmcs, as if it were VMX' => qr/^EXIT_REASON +0x[0-9a-f]+ .*\n.*^GUEST_RIP +0x[0-9a-f]+$/ms);

# In guest mode the CPU goes by the guest's page tables.
my $guest = gdb("--config $top/config/minimal.conf", 'hbreak *0x7c11', 'continue', 'nestor vms', 'nestor kernel', 'nestor vms',
    "nestor program $build/monitor.elf", 'info line main', 'delete', 'continue', 'nestor vms');
shows($guest,
    'in guest mode, a word about it' => qr/^this CPU is in guest mode, .*`nestor kernel` lets it run until it does$/m,
    'nestor kernel runs to the next exit' => qr/^Temporary breakpoint .* svm_exit \(vcpu=0x.*^0 +hello16 +running /ms,
    'nestor program' => qr/^Line \d+ of "\S*vmm\/.*" starts at address 0x[0-9a-f]+ <main/m,
    'the end of the machine' => qr/^there is no machine, or it has ended$/m);
like(get_file("$build/debug.log"), qr/^NESTOR END pass\r?$/m, 'the serial line is in a file');
ends("$top/tools/debug-qemu --help", 0, 'debug-qemu --help', qr/^usage: tools\/debug-qemu/);
ends("$top/tools/debug-qemu --config $work/none.conf -- -batch", 2, 'debug-qemu without its config', qr/none\.conf: no such file/);

# ---- Bochs ----
# Its debugger, with commands from a pipe.
sub bochs_debugger
{
    my ($options, @commands) = @_;
    my $lines = join '\n', @commands;
    return (run("printf '$lines\\n' | timeout 120 $top/tools/run-bochs --debugger --config $top/config/minimal.conf $options"))[1];
}

shows(bochs_debugger('--append provoke=panic', 'c', 'bt', 'q'),
    'Bochs stops at a panic, by name' => qr/^<bochs:1> c\n\(0\) Breakpoint \d+, .*\n.*\n.* \(panic\+0\): /m,
    'its back trace has names' => qr/\(panic\+0\)\n.*\(provoke\+[0-9a-f]+\)\n.*\(run\+[0-9a-f]+\)$/m);

# The second exit of hello16: a byte for its UART.
my $offset = (run("gdb -batch -ex 'print (int)&((struct vcpu *)0)->control' $build/nestor.elf"))[1] =~ s/.*= //sr + 0;
my @stop = ('lb "vmx_exit"', 'c', 'c', "x /2wx rdi+$offset");
my ($physical) = bochs_debugger('', @stop, 'q') =~ /^0x.*<.*>:\t(0x[0-9a-f]+)\t0x00000000$/m;
my $dump = bochs_debugger('', @stop, "xp /1024wx $physical", 'q');
put_file("$work/dump", $dump =~ s/.*(?=^<bochs:5>)//msr);
ends("$top/tools/decode $work/dump", 0, "decode: a VMCS in Bochs's memory",
    qr/^EXIT_REASON +0x1e +I\/O instruction$/m, qr/^EXIT_QUALIFICATION +0x3f8000[08] +(?:OUT|IN) port 0x3f8, 1 bytes$/m,
    qr/^PIN_CONTROLS +0x[0-9a-f]+ +EXTERNAL_INTERRUPT NMI PREEMPTION_TIMER /m, qr/^GUEST_RIP +0x7c[0-9a-f]{2}$/m,
    qr/^GUEST_CS_ACCESS_RIGHTS +0x93 +data writable, DPL 0, 16-bit$/m, qr/^VMCS_LINK_POINTER +0xffffffffffffffff$/m);
ends("$top/tools/decode --vmcb $work/dump", 0, 'decode: the same as a VMCB', qr/^VMCB_INTERCEPT_CR +0x2b +reads of 0-1,3,5, /m);

# ---- What a monitor says of a guest that ends otherwise than expected ----
put_file("$work/ends.conf", "[vm wrong]\nimage = fault.elf\nargs = triple-fault\n[vm right]\nimage = fault.elf\nargs = triple-fault\nexpect = triple-fault\n");
for my $tool ('run-qemu --tcg', 'run-bochs') {
    my (undef, $said) = run("$top/tools/$tool --timeout 120 --config $work/ends.conf");
    shows($said,
        "$tool: the registers of an unexpected end" => qr/^# wrong: RAX 0x[0-9a-f]+, RCX .*^# wrong: .*\bR15 0x.*^# wrong: CR0 0x.*^not ok \d wrong$/ms,
        "$tool: an expected one has no such lines" => qr/^(?!.*^# right: RAX).*^ok \d right$/ms);
    put_file("$work/said", $said);
    ends("$top/tools/decode $work/said", 0, "$tool: decode knows them", qr/^CR0 +0x800100[0-9a-f]{2} +PE .*PG$/m,
        qr/^CS rights +0xa09[ab] +code readable, DPL 0, 64-bit$/m, qr/^RFLAGS +0x[0-9a-f]+ +always-1/m);
}

# ---- Text ----
sub decodes
{
    my ($text, $options, $status, $name, @patterns) = @_;
    put_file("$work/text", $text);
    ends("$top/tools/decode $options <$work/text", $status, "decode: $name", @patterns);
}

decodes("some words\nGUEST_CR0 0x80000011 # x\n0x4402: 48\nEXIT_QUALIFICATION=0x182\nENTRY_INTERRUPTION_INFO 0x80000b0e\n", '', 0,
    'fields of a VMCS', qr/^GUEST_CR0 +0x80000011 +PE ET PG\nEXIT_REASON +0x30 +EPT violation\nEXIT_QUALIFICATION +0x182 +write \S+ \S+\nENTRY_INTERRUPTION_INFO +0x80000b0e +exception #PF with an error code\n$/);
decodes("VMCB_EVENTINJ 0x500000b0d\nVMCB_EVENTINJ 0x580000b0d\nVMCB_EXITCODE 0x400\nVMCB_EXITINFO1 0x100000006\n", '', 0, 'fields of a VMCB',
    qr/ none\n.* exception #GP with error code 0x5\n.* VMEXIT_NPF\n.* write user of-the-page\n$/);
decodes("# nowhere: RFLAGS 0x246, CR0 0x11, CS rights 0xa09b\n", '', 0, "a monitor's note",
    qr/^RFLAGS +0x246 +always-1 PF ZF IF\nCR0 +0x11 +PE ET\nCS rights +0xa09b +code readable, DPL 0, 64-bit\n$/);
decodes("EXIT_REASON 0x80000021\n", '', 0, 'flags of an exit reason', qr/ VM-entry failure: invalid guest state, entry failed\n/);
decodes("KTAP version 1\n# spin: counting at 0x12060\nGUEST_CR0 08, GUEST_CR3 0x10000000000000000\n", '', 0, 'a log: what is no field is passed over, and so is what is no number of 64 bits',
    qr/\AGUEST_CR0 +0x8 +TS\n\z/);
decodes("nothing here\n", '', 2, 'nothing that it knows', qr/^decode: nothing in this text/);
decodes("0x00001000: 0x00000007 0x00000000\n", '', 2, 'memory that is no VMCS', qr/^decode: the memory is no VMCS of Bochs/);
decodes('', '--odd', 2, 'an unknown option', qr/^decode: unknown option: --odd\nusage/);
decodes('', '--help', 0, '--help', qr/^usage: tools\/decode/);
decodes('', "$work/none", 2, 'a file that is not there', qr{none: No such file});

done_testing;
