#!/usr/bin/perl
# VM entries that fail, in VMs whose guests break their own control block (guests/demo/refused.c), and what the monitor says of
# them: the broken rule by id and words, the field, its value, and what it should have been.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

# VMCB_FIELD, and LAB_ENTRY_LOAD of entry 0.
sub vmcb { my ($offset, $bytes) = @_; return sprintf '0x%x', $offset | $bytes << 16 }
sub entry_load { my ($msr) = @_; return sprintf '0x%x%08x', 5 << 24, $msr }

# Guests, what they write, and what is told: the result, the rule, the lines behind it, and what the VM ends with.
my %vmx = (
    'cr3-targets' => ['0x400a 5', 'VMfailValid, VM-instruction error 7',
        'E8.CR3_TARGET_COUNT: must be at most bits 24:16 of IA32_VMX_MISC',
        qr/CR3_TARGET_COUNT = 0x5: wrong in bits 31:0/, qr/with IA32_VMX_MISC = 0x\w+/],
    'controls' => ['0x4012 0x8000d3ff', 'VMfailValid, VM-instruction error 7', qr/N\d\.ENTRY_CONTROLS: .+/,
        qr/ENTRY_CONTROLS = 0x8000d3ff: wrong in bit 31; 0xd3ff would do/, qr/with IA32_VMX_BASIC = 0x\w+/,
        qr/with IA32_VMX_TRUE_ENTRY_CTLS = 0x\w+/],
    'rflags' => ['0x6820 0x200', 'exit reason 33', 'R4.GUEST_RFLAGS: bit 1 must be 1',
        qr/GUEST_RFLAGS = 0x200: wrong in bit 1; 0x202 would do/],
    'cr4' => ['0x6804 0x2000', 'exit reason 33', 'G9.GUEST_CR4: an IA-32e mode guest needs PAE',
        qr/GUEST_CR4 = 0x2000: wrong in bit 5; 0x2020 would do/, qr/with ENTRY_CONTROLS = 0x\w+/],
    'two' => ['0x681e 0x8000000000000000 0x400a 9', 'VMfailValid, VM-instruction error 7', qr/E8\.CR3_TARGET_COUNT: .*/,
        qr/CR3_TARGET_COUNT = 0x9: wrong in bits 31:0/, qr/with IA32_VMX_MISC = 0x\w+/],
    'tr' => ['0x4822 0x83', 'exit reason 33', qr/S\d+\.GUEST_TR_ACCESS_RIGHTS: .*/,
        qr/GUEST_TR_ACCESS_RIGHTS = 0x83: wrong in bits 3:0/, qr/with ENTRY_CONTROLS = 0x\w+/],
    'msr' => [entry_load(0xc0000082) . ' 0x8000000000000000 0x4014 1', 'exit reason 34',
        'M6.ENTRY_MSR_LOAD_COUNT: no entry may have a value that WRMSR would fault on',
        qr/ENTRY_MSR_LOAD_COUNT = 0x1: wrong in bits 63:0/, qr/with ENTRY_MSR\[0\] = 0xc0000082/,
        qr/with CPUID_80000008_EAX = 0x\w+/, qr/with ENTRY_MSR_VALUE\[0\] = 0x8000000000000000/,
        qr/comes to: .* exit qualification 1/],
    'tpr' => ['0x4002 0xb6a1fdf2 0x401c 3', 'VMfailValid, VM-instruction error 7', qr/E\d+\.TPR_THRESHOLD: .*/,
        qr/TPR_THRESHOLD = 0x3: wrong in bits 3:0/, qr/with .*/],
);
my %svm = (
    'cr0' => [vmcb(0x558, 8) . ' 0xa0000031', 'VMEXIT_INVALID', 'A2.VMCB_CR0: NW needs CD',
        qr/VMCB_CR0 = 0xa0000031: wrong in bit 29; 0x80000031 would do/],
    'cr4' => [vmcb(0x548, 8) . ' 0x80000620', 'VMEXIT_INVALID', 'A5.VMCB_CR4: reserved bits must be 0',
        qr/VMCB_CR4 = 0x80000620: wrong in bit 31; 0x620 would do/],
    'efer' => [vmcb(0x4d0, 8) . ' 0x200001d01', 'VMEXIT_INVALID', 'A8.VMCB_EFER: reserved bits must be 0',
        qr/VMCB_EFER = 0x200001d01: wrong in bit 33; 0x1d01 would do/],
    'dr7' => [vmcb(0x560, 8) . ' 0x100000400', 'VMEXIT_INVALID', 'A7.VMCB_DR7: bits 63:32 must be 0',
        qr/VMCB_DR7 = 0x100000400: wrong in bit 32; 0x400 would do/],
    'cs' => [vmcb(0x412, 2) . ' 0xe9b', 'VMEXIT_INVALID', 'A12.VMCB_CS_ATTRIBUTES: in long mode, L and D must not both be 1',
        qr/VMCB_CS_ATTRIBUTES = 0xe9b: wrong in bit 10; 0xa9b would do/, qr/with VMCB_EFER = 0x1500/,
        qr/with VMCB_CR0 = 0x8\w+/, qr/with VMCB_CR4 = 0x\w+/],
    'event' => [vmcb(0xa8, 8) . ' 0x80000100', 'VMEXIT_INVALID', 'A17.VMCB_EVENTINJ: the type must be 0, 2, 3 or 4',
        qr/VMCB_EVENTINJ = 0x80000100: wrong in bits 10:8/],
);

# One test a guest: the lines are there, one behind the other, each beginning with the guest's name.
sub explains
{
    my ($where, $command, %guests) = @_;
    put_file("$work/refused.conf", "[machine]\nscreen = log\n" . join '',
        (map { "[vm $_]\nimage = refused.elf\nlab = yes\nargs = $guests{$_}[0]\nexpect = entry-failure\n" } sort keys %guests),
        "[vm other]\nimage = hello64.elf\n");
    my ($doc, $text) = reports("$command --config $work/refused.conf", 0, "$where: the VMs end with entry-failure, others go on");

    for my $guest (sort keys %guests) {
        my (undef, $result, $rule, @lines) = @{$guests{$guest}};
        my @told = $text =~ /^# $guest: (.*)$/mg;
        shift @told while @told && $told[0] !~ /^VM entry failed, /;
        my $first = (shift @told) // 'nothing';

        $rule = ref $rule ? $rule : qr/\Q$rule\E/;
        like($first, qr/^VM entry failed, \Q$result\E: $rule$/, "$where, $guest: the rule");
        like((shift @told) // 'nothing', qr/^  $_$/, "$where, $guest: $_") for @lines;
    }
}

explains('Bochs (VMX)', bochs(), %vmx);
explains('Bochs (VMX), 4 CPUs', bochs('--cpus 4'), 'rflags' => $vmx{rflags}, 'msr' => $vmx{msr});
explains('TCG (SVM)', qemu(), %svm);
explains('TCG (SVM), 4 CPUs', qemu('--cpus 4'), %svm);
explains('Bochs (SVM)', bochs('--model ryzen'), %svm);

done_testing;
