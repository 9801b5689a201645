#!/usr/bin/perl
# Machines on which Nestor can't run are told precisely what they lack, and end with a failure; and old ones on which it
# can run are not refused.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Math::BigInt;
use Test::More;
use kernel_machine;

my $neither = qr/^Nestor can't run here: neither VMX nor SVM can be used$/m;
my $no_vmx = qr/^VMX: no VMX \(CPUID\.1:ECX\.VMX is 0\)$/m;
my $no_svm = qr/^SVM: no SVM\b/m;
my $tcg_hint = qr/^Hint: this is QEMU TCG: it has no VMX, but SVM: use -cpu max, or add \+svm,\+npt to the CPU model$/m;
my $firmware_hint = qr/^Hint: no hypervisor shows itself: look for VT-x or SVM in the firmware's set-up;/m;
my $no_npt = qr/^SVM: SVM without nested paging: Nestor needs it$/m;

sub refuses
{
    my ($command, $name, @patterns) = @_;
    ends($command, $kernel_machine::NO_VERDICT, $name, @patterns, qr/^(?!.*(panic|NESTOR BEGIN|no end after))/s);
}

# ---- QEMU ----
refuses(qemu("--cpu $_->[0]"), "QEMU $_->[0]", $no_vmx, $_->[1], $neither, $tcg_hint) for
    ['qemu64', $no_npt],
    ['qemu64,-svm', $no_svm],
    ['max,-npt', $no_npt],
    ['max,-svm', $no_svm],
    ['max,vendor=GenuineIntel,-svm', $no_svm],
    ['Haswell', $no_svm];
refuses(qemu('--cpu max,-nx'), 'QEMU max,-nx', qr/^Nestor can't run here: the CPU has no NX$/m);
refuses(qemu("--cpu $_"), "QEMU $_", qr/^Nestor needs a 64-bit CPU; this one has no long mode\.$/m)
    for 'qemu32', 'pentium3', 'max,-lm';
ends_well(qemu("--cpu $_"), "QEMU $_ can run it", qr/^Back end +SVM$/m)
    for 'max,vendor=GenuineIntel', 'EPYC,+svm,+npt', 'phenom', 'max,-pdpe1gb', 'max,-smep,-smap,-umip,-pge';

# ---- Bochs ----
my $no_ept = qr/^VMX: VMX without EPT: Nestor needs it$/m;
refuses(bochs("--model $_->[0]"), "Bochs $_->[0]", @$_[1, 2], $neither, $firmware_hint) for
    ['core2_penryn_t9600', $no_ept, $no_svm],
    ['bx_generic', $no_ept, $no_svm],
    ['corei5_lynnfield_750', qr/^VMX: VMX without unrestricted guest: Nestor needs it$/m, $no_svm],
    ['turion64_tyler', $no_vmx, $no_npt],
    ['athlon64_venice', $no_vmx, $no_svm];
says(bochs('--model p3_katmai'), qr/^Nestor needs a 64-bit CPU; this one has no long mode\./m, 'Bochs p3_katmai');
ends_well(bochs("--model $_"), "Bochs $_ can run it", qr/^Back end +VMX$/m) for
    qw(corei5_arrandale_m520 corei7_ivy_bridge_3770k tigerlake);
ends_well(bochs("--model $_"), "Bochs $_ can run it", qr/^Back end +SVM$/m) for qw(ryzen trinity_apu);

# ---- Locked off by firmware ----
# No emulator's firmware does that, so this kernel's RDMSR of registers that may be absent is MOV AL, 19H instead: the lock
# without the enable bit in IA32_FEATURE_CONTROL, the lock and SVMDIS in VM_CR.
sub locked_off
{
    my ($folder) = @_;
    my ($text_at, $text_offset) = `objdump -h $build/nestor.elf` =~ /^ +\d+ \.text +\S+ +(\S+) +\S+ +(\S+)/m or die;
    my ($at) = `objdump -d --disassemble=x86_rdmsr_safe $build/nestor.elf` =~ /^ *([0-9a-f]+):.*\brdmsr$/m or die;
    my $kernel = get_file("$build/nestor.elf");

    substr($kernel, Math::BigInt->from_hex($at) - Math::BigInt->from_hex($text_at) + hex $text_offset, 2) = "\xb0\x19";
    link_build($folder);
    put_file("$folder/nestor.elf", $kernel);
}

locked_off("$work/locked");
refuses("export BUILD=$work/locked; " . qemu(), 'QEMU, SVM locked off', $no_vmx, $neither,
    qr/^SVM: SVM is offered but locked off by firmware \(VM_CR\.SVMDIS\)$/m);
refuses("export BUILD=$work/locked; " . bochs(), 'Bochs, VMX locked off', $no_svm, $neither,
    qr/^VMX: VMX is offered but locked off by firmware \(IA32_FEATURE_CONTROL\)$/m);

done_testing;
