#!/usr/bin/perl
# Boot modules that are missing, broken, or in a strange order, and strange command lines, by `qemu -kernel`.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

# A boot that ends in a panic with this text.
sub panics
{
    my ($command, $text, $name) = @_;
    ends($command, $kernel_machine::NO_VERDICT, $name, qr/^Nestor panic: \Q$text\E$/m, qr/^(?!.*no end after)/s);
}

# QEMU without our tool, which knows how things should be. Its status for a pass is 1, for a failure 3.
sub raw_qemu
{
    my ($append, @modules) = @_;
    my $initrd = join ',', @modules;
    return "timeout 30 qemu-system-x86_64 -accel tcg -cpu max -m 256 -nic none -display none -monitor none -serial stdio "
        . "-no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel $build/nestor.elf -append '$append' -initrd '$initrd'";
}

# ---- Missing and broken programs ----
for my $name (qw(root.elf monitor.elf)) {
    panics(qemu("--without $name"), "module $name is missing: load it with the kernel (docs/boot.md)", "no $name");
}

link_build("$work/broken");

# Boots with a program that is changed by a function of its bytes.
sub breaks
{
    my ($name, $text, $title, $change) = @_;
    my $bytes = get_file("$build/$name");
    $change->($bytes) for $bytes;
    put_file("$work/broken/$name", $bytes);
    panics("export BUILD=$work/broken; " . qemu(), "module $name: $text", "$name: $title");
    unlink "$work/broken/$name";
    symlink "$build/$name", "$work/broken/$name" or die;
}

# Changes a number of the ELF header, or of the first program header that is to be loaded.
sub header { my ($at, $format, $v) = @_; return sub { substr($_[0], $at, length pack $format, $v) = pack $format, $v } }

sub segment
{
    my ($at, $format, $v) = @_;
    return sub {
        my ($first, $bytes, $n) = unpack 'x32 Q x14 S S', $_[0];
        my ($load) = grep { unpack('L', substr $_[0], $_) == 1 } map { $first + $bytes * $_ } 0 .. $n - 1;
        header($load + $at, $format, $v)->($_[0]);
    };
}

my $not_elf = 'not an executable ELF64 file for x86-64 (0)';
breaks('root.elf', 'too short for an ELF header (0)', 'of length 0', sub { $_[0] = '' });
breaks('root.elf', 'too short for an ELF header (3f)', '63 bytes', sub { $_[0] = substr $_[0], 0, 63 });
breaks('root.elf', 'the program headers are outside the file (40)', 'only its header', sub { $_[0] = substr $_[0], 0, 64 });
breaks('root.elf', $not_elf, 'a text', sub { $_[0] = "hello\n" x 1000 });
breaks('root.elf', $not_elf, 'for 32 bits', header(4, 'C', 1));
breaks('root.elf', $not_elf, 'for ARM', header(18, 'S', 183));
breaks('root.elf', 'the program headers are outside the file (ffffffffffffffff)', 'headers nowhere', header(32, 'Q', ~0));
breaks('root.elf', 'the entry point is in no executable segment (10)', 'an entry point nowhere', header(24, 'Q', 16));
breaks('monitor.elf', 'too short for an ELF header (0)', 'of length 0', sub { $_[0] = '' });
breaks('monitor.elf', $not_elf, 'zeros', sub { $_[0] = "\0" x 10000 });

my $root = get_file("$build/root.elf");
my ($first, $bytes, $n) = unpack 'x32 Q x14 S S', $root;
my @loads = grep { unpack('L', substr $root, $first + $bytes * $_) == 1 } 0 .. $n - 1;
my $load = $loads[0];
my ($offset, $size) = unpack 'x8 Q x16 Q', substr $root, $first + $bytes * $load;
breaks('root.elf', "a segment reaches behind the end of the file ($load)", 'cut in its first segment',
    sub { $_[0] = substr $_[0], 0, $offset + $size - 1 });
breaks('root.elf', "a segment is outside the image's range ($load)", 'in the kernel', segment(16, 'Q', ~0 << 31));
breaks('root.elf', "a segment is outside the image's range ($load)", 'without end', segment(40, 'Q', ~0));
breaks('root.elf', "a segment is smaller in memory than in the file ($load)", 'of memory size 1', segment(40, 'Q', 1));
breaks('root.elf', "a segment is writable and executable ($load)", 'writable code', segment(4, 'L', 7));

# ---- Modules in strange orders and numbers ----
my @programs = ("$build/root.elf", "$build/monitor.elf");
my $guest = "$build/guests/hello64.elf";
put_file("$work/empty.bin", '');
put_file("$work/other.conf", "this is no config\n");
mkdir "$work/links" or die;
my @links = map { "$work/links/$_.bin" } 1 .. 60;
symlink $guest, $_ or die for @links;

sub raw_well
{
    my ($command, $name) = @_;
    ends($command, 1, $name, qr/^ok 1 hello64$/m, qr/^NESTOR END pass$/m);
}

sub raw_panics
{
    my ($command, $text, $name) = @_;
    ends($command, 3, $name, qr/^Nestor panic: \Q$text\E/m);
}

raw_well(raw_qemu('', $guest, $config, reverse @programs), 'modules in reverse order');
raw_well(raw_qemu('', @programs, $config, $guest, "$work/empty.bin", @links[0 .. 58]), '64 modules, one of length 0');
raw_panics(raw_qemu('', @programs, $config, $guest, "$work/empty.bin", @links), 'boot information: too many modules (40)',
    '65 modules');
raw_well(raw_qemu('', @programs, $config, $guest, @programs, $guest), 'of two modules of one name, the first counts');
raw_well(raw_qemu('', "$programs[0] some words", "$programs[1]   more words", $config, $guest), 'modules with arguments');
raw_panics(raw_qemu('', "$programs[0] " . 'x' x 600, $programs[1], $config, $guest),
    "boot information: a module's command line is too long (0)", 'a module with too long arguments');
my $long = ('n' x 60) . '.bin';
symlink $guest, "$work/$long" or die;
raw_panics(raw_qemu('', @programs, $config, $guest, "$work/$long"), "boot information: a module's name is too long (4)",
    'a module with too long a name');

# ---- Command lines ----
raw_well(raw_qemu('', @programs, $config, $guest), 'no command line');
raw_well(raw_qemu('  config=one.conf   = == x=  hold=0 end=qemu ', "$work/other.conf", @programs, $config, $guest),
    'a command line of many words');
my $path = length "$build/nestor.elf ";
raw_well(raw_qemu('x' x (511 - $path), @programs, $config, $guest), 'the longest command line');
raw_panics(raw_qemu('x' x (512 - $path), @programs, $config, $guest), 'boot information: the command line is too long (',
    'a command line too long by a byte');
ends(raw_qemu('end=nowhere provoke=nothing', @programs, $config, $guest), 1, 'options with wrong values are reported',
    qr/^Nestor: end=nowhere on the command line: expected one of auto reboot qemu bochs acpi halt; auto is used$/m,
    qr/^Nestor: provoke=nothing on the command line: expected one of panic undefined/m, qr/^NESTOR END pass$/m);

done_testing;
