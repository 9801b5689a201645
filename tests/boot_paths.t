#!/usr/bin/perl
# The ways to boot: `qemu -kernel`, and GRUB by Multiboot 1 and Multiboot 2, in both emulators.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

ends_well(qemu(), 'qemu -kernel');
ends_well(bochs(), 'Bochs, GRUB');

# An image for an emulator that it does not know; -> its name. Options are make-iso's.
sub make_iso
{
    my ($name, @options) = @_;
    my ($status, $text) = run("$top/tools/make-iso --config $config @options $work/$name");
    is($status, 0, "make-iso $name") or diag($text);
    return "$work/$name";
}

# A machine that boots an image.
sub iso { my ($tool, $image) = @_; return "$top/tools/$tool --timeout 60 --iso $image" }

# To be sure of which protocol was used, the kernel has only that one's header.
sub one_header
{
    my ($folder, $magic) = @_;
    my $bytes = get_file("$build/nestor.elf");
    my $at = index $bytes, pack 'L', $magic;
    ok($at >= 0 && $at % 4 == 0 && $at < 8192, sprintf 'the header %x is where loaders look for it', $magic);
    substr $bytes, $at, 4, "\0" x 4;
    link_build("$work/$folder");
    put_file("$work/$folder/nestor.elf", $bytes);
}

one_header('no1', 0x1badb002);
one_header('no2', 0xe85250d6);
for my $case (['2.iso', 'no1', ''], ['1.iso', 'no2', '--multiboot1']) {
    my ($name, $folder, $option) = @$case;
    local $ENV{BUILD} = "$work/$folder";
    my $image = make_iso($name, $option);
    ends_well(iso('run-qemu --tcg', $image), "QEMU, GRUB, $name");
    ends_well(iso('run-bochs', $image), "Bochs, GRUB, $name");
}
my $image = make_iso('no_root.iso', '--without root.elf');
ends(iso('run-bochs', $image), $kernel_machine::NO_VERDICT, 'a module missing from an image',
    qr/^Nestor panic: module root\.elf is missing: load it with the kernel \(docs\/boot\.md\)$/m);
$image = make_iso('many_words.iso', "--append 'config=one.conf a=b c / d=e=f " . 'x' x 400 . "'");
ends_well(iso('run-bochs', $image), 'a long command line through GRUB');

# ---- UEFI ----
# No firmware tables below 1 MiB, a framebuffer instead of text, and modules where a BIOS machine has none. The machine goes
# off by ACPI, whose tables are found by what the boot loader says only: status 0.
my ($code, $variables) = map { "/usr/share/OVMF/OVMF_${_}_4M.fd" } 'CODE', 'VARS';
SKIP: {
    skip "no $code", 2 unless -e $code;
    $image = make_iso('uefi.iso', '--append end=acpi');
    ends_well("cp $variables $work/vars.fd && timeout 60 qemu-system-x86_64 -machine q35 -accel tcg -cpu max -m 512 -nic none "
        . "-display none -no-reboot -serial stdio -monitor none -drive if=pflash,format=raw,readonly=on,file=$code "
        . "-drive if=pflash,format=raw,file=$work/vars.fd -cdrom $image", 'QEMU, UEFI, GRUB');
}

done_testing;
