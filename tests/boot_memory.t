#!/usr/bin/perl
# Machines with very little memory, and with memory above 4 GiB.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

# ---- Little ----
ends_well(qemu("--memory $_"), "QEMU with $_ MB", qr/^Machine .* CPU, \d+ MiB of memory/m) for 4, 8, 16;
ends_well(bochs("--memory $_"), "Bochs with $_ MB") for 4;

# Below that, it depends on the sizes of the images what there is no room for; but there is always a word on that, and an
# end. QEMU takes sizes in KiB, our tool does not.
my $modules = join ',', "$build/root.elf", "$build/monitor.elf", $config, "$build/guests/hello64.elf";
my @words = (
    qr/^Nestor panic: the memory map has no room for the page allocator's tables$/m,
    qr/^Nestor panic: .*(no memory|out of memory)/m,
    qr/^Nestor can't run here: (VMX|SVM): no memory for /m,
    qr/^(    # |Boot module).*no more memory pages in the machine.*^NESTOR END fail$/ms,
    qr/^# hello64 +no-memory .*^NESTOR END fail$/ms,
    qr/^NESTOR END pass$/m,
);
# Sizes in KiB: the smallest that is enough, after each has ended and said why.
sub try_sizes
{
    my ($name, @sizes) = @_;
    my ($bad, $enough, %seen) = ('');

    for my $kib (@sizes) {
        my ($status, $text) = run("timeout 30 qemu-system-x86_64 -accel tcg -cpu max -m ${kib}K -nic none -display none -monitor "
            . "none -serial stdio -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel $build/nestor.elf -initrd $modules");
        my ($word) = grep { $text =~ $words[$_] } 0 .. $#words;
        $seen{$word // 'nothing'}++;
        $enough //= $kib if $status == 1;
        next if defined $word && $status == ($words[$word] == $words[-1] ? 1 : 3) && $text !~ /vector/;
        $bad .= "$kib KiB: status $status:\n$text\n";
    }
    is($bad, '', "$name ends, and says why") or diag(explain \%seen);
    return $enough;
}
my $enough = try_sizes('each size from 1400 to 4000 KiB', map { 1400 + 65 * $_ } 0 .. 40);
ok($enough, 'of these, one is enough');
try_sizes('and page by page what is just too little for a VM', map { ($enough // 4000) - 4 * $_ } 1 .. 40);

# ---- Much ----
for my $gib (3, 6) {
    my ($status, $text) = run(qemu('--memory', $gib * 1024));
    my ($mib) = $text =~ /^Machine .* (\d+) MiB of memory/m;
    ok($status == 0 && $mib && $mib <= $gib * 1024 && $mib > $gib * 1024 - 16, "QEMU with $gib GiB: it has it all")
        or diag("status $status:\n$text");
}

done_testing;
