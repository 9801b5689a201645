#!/usr/bin/perl
# The image for CDs and sticks and the folder for network boot, as they are meant to be used: with BIOS and UEFI, with files
# that a lab adds and changes, each to the final verdict on the serial line.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

my ($code, $variables) = map { "/usr/share/OVMF/OVMF_${_}_4M.fd" } 'CODE', 'VARS';
my $bios = '';
my $uefi = "-machine q35 -drive if=pflash,format=raw,readonly=on,file=$code -drive if=pflash,format=raw,file=$work/vars.fd";

# A machine of one firmware with more of QEMU's options. QEMU's status is 1 for a pass, 3 for a failure.
sub machine
{
    my ($firmware, @options) = @_;
    my $prepare = $firmware ? "cp $variables $work/vars.fd && " : '';
    return $prepare . "timeout 120 qemu-system-x86_64 $firmware -accel tcg -cpu max -m 512 -display none "
        . "-no-reboot -serial stdio -monitor none -device isa-debug-exit,iobase=0xf4,iosize=4 @options";
}

sub cd { return "-nic none -drive file=$_[0],format=raw,media=cdrom,readonly=on" }
sub stick { return "-nic none -device qemu-xhci -drive if=none,id=s,file=$_[0],format=raw,snapshot=on -device usb-storage,drive=s" }

# The card's own ROM is iPXE; `romfile=` leaves a card to the firmware, which only UEFI has a driver for.
sub net
{
    my ($file, $rom) = @_;
    return "-netdev user,id=n,tftp=$work/pxe,bootfile=$file -device virtio-net-pci,netdev=n,bootindex=1" . ($rom // '');
}

# One test: the machine boots this description to the verdict.
sub boots
{
    my ($command, $name, $description) = @_;
    ends($command, 1, $name, qr/^Config +\Q$description\E\b/m, qr/^ok 1 hello64$/m, qr/^NESTOR END pass$/m);
}

sub ok_run
{
    my ($command, $name) = @_;
    my ($status, $text) = run($command);
    ok($status == 0, $name) or diag("$command\n$text");
    return $text;
}

# The entries of a menu.
sub entries { return [get_file($_[0]) =~ /^machine (\S+) "/mg] }

# ---- The image ----
my $said = ok_run("$top/tools/make-iso --menu --timeout 1 --config $config nestor.iso", 'make-iso --menu');
like($said, qr/^make-iso: kernel \d+, root task and monitor \d+, \d+ guests: \d+ bytes in all$/m, 'that tells the sizes');
boots(machine($bios, cd('nestor.iso')), 'a CD, BIOS', 'one.conf');
boots(machine($uefi, cd('nestor.iso')), 'a CD, UEFI', 'one.conf');

# A stick's second partition is FAT: a lab changes the menu and adds a machine without any tool of ours.
my $iso = get_file("$work/nestor.iso");
my $entries = unpack 'x72 Q', substr $iso, 512;
my $first = unpack 'x32 Q', substr $iso, 512 * $entries + 128;
my $fat = "nestor.iso\@\@" . 512 * $first;
ok_run("mcopy -i $fat ::/nestor.cfg menu.cfg", 'the second partition has nestor.cfg');
put_file("$work/my.conf", get_file($config));
put_file("$work/menu.cfg", get_file("$work/menu.cfg") =~ s/^set default=.*$/set default=my.conf/mr);
ok_run("mcopy -o -i $fat menu.cfg ::/nestor.cfg && mcopy -i $fat my.conf ::/my.conf", 'a lab changes and adds a file');
boots(machine($bios, stick('nestor.iso')), 'its own machine, BIOS', 'my.conf');
boots(machine($uefi, stick('nestor.iso')), 'its own machine, UEFI', 'my.conf');

# ---- The folder for the network ----
my $make_pxe = "$top/tools/make-pxe --timeout 1 --config $config pxe";
$said = ok_run($make_pxe, 'make-pxe');
my @images = map { -s } glob "$work/pxe/*.elf $work/pxe/*.bin";
my $bytes = 0;
$bytes += $_ for @images;
cmp_ok($bytes, '<', 4 << 20, 'kernel, monitor and guests are under 4 MiB');
like($said, qr/ guests: $bytes bytes in all$/m, 'as make-pxe says');
is_deeply(entries("$work/pxe/nestor.cfg"), ['one.conf', qw(default.conf tests.conf),
    grep { !/^(default|tests|save|saved)\.conf$/ } map { m{([^/]+)$} } sort glob "$top/config/*.conf"],
    'an entry for each machine that needs no earlier run');
boots(machine($bios, net('nestor.0')), 'PXE, BIOS', 'one.conf');
boots(machine($uefi, net('nestor.efi', ',romfile=')), 'PXE, UEFI', 'one.conf');
boots(machine($bios, net('nestor.ipxe')), 'iPXE, BIOS', 'one.conf');
boots(machine($uefi, net('nestor.ipxe')), 'iPXE, UEFI', 'one.conf');

# ---- What a lab does to it ----
put_file("$work/pxe/52-54-00-12-34-56.conf", get_file($config));
boots(machine($bios, net('nestor.0')), "a machine's own file, GRUB", '52-54-00-12-34-56.conf');
boots(machine($bios, net('nestor.ipxe')), "a machine's own file, iPXE", '52-54-00-12-34-56.conf');
unlink "$work/pxe/52-54-00-12-34-56.conf";
put_file("$work/pxe/my.conf", get_file($config));
my $menu = get_file("$work/pxe/nestor.cfg");
put_file("$work/pxe/nestor.cfg", $menu =~ s/^set default=.*$/set default=my.conf/mr =~ s/^set words=.*$/set words="hold=0 a=b"/mr);
boots(machine($bios, net('nestor.0')), 'a file my.conf becomes an entry', 'my.conf');
put_file("$work/pxe/nestor.cfg", $menu =~ s/^set default=.*$/set default=some-tests.conf/mr
    =~ s/^(machine some-tests\.conf) .*$/$1 "some of them" "tests=any.cpuid.leaf.*"/mr);
ends(machine($bios, net('nestor.0')), 1, 'an entry chooses tests', qr/^Config +some-tests\.conf\b/m, qr/^NESTOR END pass$/m,
    qr/^ +ok 1 any\.cpuid\.leaf\./m);
like(ok_run($make_pxe, 'make-pxe once more'), qr/nestor\.cfg was changed, and is kept; the new one is nestor\.cfg\.new$/m,
    'what was changed is kept');
ok(get_file("$work/pxe/nestor.cfg.new") eq $menu && -e "$work/pxe/my.conf", 'beside what it would have been');
put_file("$work/pxe/nestor.cfg", $menu =~ s/^set modules="/set modules="none.elf /mr);
says(machine($bios, net('nestor.0')), qr/none\.elf is missing, or could not be read\.\s.*?Press any key.*?GNU GRUB/s,
    'GRUB tells of a module that is not there');

# ---- Serving it ----
SKIP: {
    skip 'no network to try it on', 5 if system('unshare -rn ip link add d0 type bridge 2>/dev/null');
    my $serve = "$top/tools/serve-pxe --dry-run";
    ends("$serve pxe", 2, 'an interface is not guessed', qr/this is not guessed: make serve IFACE=NAME, one of$/m);
    ends("$serve --interface none0 pxe", 2, 'an interface that is not there', qr/^serve-pxe: none0: there is no such network card/m);
    ends("$serve --interface lo pxe", 2, 'the loopback interface', qr/^serve-pxe: lo: no other machine/m);
    ends("$serve --interface lo .", 2, 'a folder without GRUB', qr/nestor\.0: no such file \(make it with make pxe\)$/m);
    ends("unshare -rn sh -c 'ip link add d0 type bridge && { $serve --interface d0 pxe; ip address add 192.0.2.7/24 dev d0; "
        . "$serve --interface d0 pxe; $serve --interface d0 --range 192.0.2.8,192.0.2.9 pxe; $serve --interface d0 --range 8 pxe; }'", 2,
        'what dnsmasq is told', qr/^serve-pxe: d0 has no IPv4 address/m, qr/^interface=d0$/m, qr/^dhcp-range=192\.0\.2\.7,proxy$/m,
        qr/^dhcp-range=192\.0\.2\.8,192\.0\.2\.9,1h$/m, qr/^serve-pxe: --range wants two IPv4 addresses.*"8"$/m);
}

done_testing;
