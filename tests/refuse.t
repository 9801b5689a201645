#!/usr/bin/perl
# Machines on which Nestor can't run are told precisely what they lack, and end with a failure; and old ones on which it
# can run are not refused.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

my $neither = qr/^Nestor can't run here: neither VMX nor SVM can be used$/m;
my $no_vmx = qr/^VMX: no VMX \(CPUID\.1:ECX\.VMX is 0\)$/m;
my $no_svm = qr/^SVM: no SVM\b/m;
my $no_npt = qr/^SVM: SVM without nested paging: Nestor needs it$/m;

sub refuses
{
    my ($command, $name, @patterns) = @_;
    ends($command, $kernel_machine::NO_VERDICT, $name, @patterns, qr/^(?!.*(panic|NESTOR BEGIN|no end after))/s);
}

# ---- QEMU ----
refuses(qemu("--cpu $_->[0]"), "QEMU $_->[0]", $no_vmx, $_->[1], $neither) for
    ['qemu64', $no_npt],
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
refuses(bochs("--model $_->[0]"), "Bochs $_->[0]", @$_[1, 2], $neither) for
    ['core2_penryn_t9600', $no_ept, $no_svm],
    ['bx_generic', $no_ept, $no_svm],
    ['corei5_lynnfield_750', qr/^VMX: VMX without unrestricted guest: Nestor needs it$/m, $no_svm],
    ['turion64_tyler', $no_vmx, $no_npt],
    ['athlon64_venice', $no_vmx, $no_svm];
says(bochs('--model p3_katmai'), qr/^Nestor needs a 64-bit CPU; this one has no long mode\./m, 'Bochs p3_katmai');
ends_well(bochs("--model $_"), "Bochs $_ can run it", qr/^Back end +VMX$/m) for
    qw(corei5_arrandale_m520 corei7_ivy_bridge_3770k tigerlake);
ends_well(bochs("--model $_"), "Bochs $_ can run it", qr/^Back end +SVM$/m) for qw(ryzen trinity_apu);

done_testing;
