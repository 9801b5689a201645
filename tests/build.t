#!/usr/bin/perl
# The build: the same bytes wherever it is done, no more work than needed, and clear errors. Uses the images that
# `make check` has just built, and builds them once more in another place.
use strict;
use warnings;
use Cwd 'abs_path';
use File::Temp 'tempdir';
use Test::More;

(my $top = abs_path($0)) =~ s{/tests/[^/]*$}{};
my $build = $ENV{BUILD} // "$top/build";
my $work = tempdir(CLEANUP => 1);

# The make that runs this has jobs and variables of its own.
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL BUILD V)};

sub run
{
    my ($command) = @_;
    my $text = `cd $work && { $command ; } 2>&1 </dev/null`;
    return ($? >> 8, $text);
}

sub file
{
    my ($name, $text) = @_;
    open my $out, '>', "$work/$name" or die "$name: $!";
    print $out $text;
    close $out;
}

sub ends_well
{
    my ($command, $name) = @_;
    my ($status, $text) = run($command);
    ok($status == 0, $name) or diag($text);
}

# ---- The same bytes ----
my ($status, $text) = run("mkdir far && cp -r $top/Makefile $top/*/ far/ && rm -rf far/build && "
    . "cd far && make -j2 BUILD=$work/elsewhere/b kernel tasks guests");
is($status, 0, 'a copy of the tree builds, into another folder') or diag($text);
my @images = map { s{^\Q$build\E/}{}r } glob "$build/{nestor,root,monitor}.elf $build/guests/*.{elf,bin}";
cmp_ok(scalar @images, '>', 3, 'there are images');
ends_well("cmp $build/$_ elsewhere/b/$_", "$_ has the same bytes") for @images;
run("BUILD=$build $top/tools/make-iso one.iso; sleep 2; BUILD=$work/elsewhere/b far/tools/make-iso two.iso");
ends_well('cmp one.iso two.iso', 'the ISO image has the same bytes');

# ---- No more than needed ----
($status, $text) = run("make -C far BUILD=$work/elsewhere/b kernel tasks guests");
unlike($text, qr/^(CC|NASM|LD) /m, 'a second make builds nothing');

my @parts = qw(config lib kernel guests guests/demo tests vmm vmm/lib);
run("mkdir small && cp -r $top/Makefile $top/tools small");
mkdir "$work/small/$_" or die for @parts;
file('small/kernel/kernel.ld', 'ENTRY(_start) SECTIONS { . = 0xffffffff80100000; .text : { *(.text*) } '
    . '.symbols : { KEEP(*(.symbols)) } }');
file('small/lib/a.h', "int lib_a(void);\n");
file('small/lib/a.c', "#include \"lib/a.h\"\nint lib_a(void) { return 1; }\n");
file('small/kernel/b.c', "int kernel_b(void);\nint kernel_b(void) { return 2; }\n");
file('small/kernel/start.asm', "section .text\nglobal _start:function\nextern lib_a, kernel_b\n"
    . "_start: call lib_a\ncall kernel_b\n");
($status, $text) = run('make -C small kernel');
is($status, 0, 'a small kernel builds') or diag($text);
like($text, qr/^CC   lib\/a\.c$/m, 'make says in short what it does');
like((run('nm small/build/nestor.elf'))[1], qr/ symbol_count$/m, 'the kernel has a table of symbols');
run('sleep 1; touch small/lib/a.h');
($status, $text) = run('make -C small kernel');
is_deeply([sort grep { /^(CC|NASM|LD) / } split /\n/, $text], ['CC   lib/a.c', 'LD   build/nestor.elf'],
    'a changed header compiles what includes it, and no more');
unlink "$work/small/kernel/b.c";
($status, $text) = run('make -C small kernel');
like($text, qr/undefined reference to `kernel_b'/, 'a deleted source is missed at once');
file('small/lib/a.c', "int lib_a(void) { return 1; }\n");
like((run('make -C small kernel'))[1], qr/no previous prototype for .lib_a.*-Werror/, 'warnings are errors');
like((run('make -C small V=1 kernel'))[1], qr/^gcc .*-mgeneral-regs-only/m, 'V=1 shows the commands');

# ---- Guests and tests ----
file('small/guests/demo/flat.asm', "; guest: flat16\nhlt\n");
($status, $text) = run('make -C small guests');
ok($status == 0 && -s "$work/small/build/guests/flat.bin" == 1, 'a flat guest') or diag($text);
file('small/guests/demo/odd.c', "/* guest: riscv */\n");
like((run('make -C small guests'))[1], qr/odd\.c:1: unknown kind of guest "riscv", not one of: newlib64 bare32 flat16/,
    'an unknown kind of guest');
file('small/guests/demo/odd.c', "int x;\n");
like((run('make -C small guests'))[1], qr/odd\.c:1: belongs to no guest/, 'a guest of no kind');
file('small/lib/a.c', "#include \"lib/a.h\"\n"
    . "int lib_a(void) { int x[2] = {1}, i = 0; while (x[i]) i++; return x[i + 1]; }\n");
file('small/tests/a_test.c', "/* sources: lib/a.c */\n#include \"lib/a.h\"\nint main(void) { return lib_a(); }\n");
($status, $text) = run('make -C small build/tests/a_test');
is($status, 0, 'a host test is linked with the sources that it names') or diag($text);
like((run('small/build/tests/a_test'))[1], qr/out of bounds|stack-buffer-overflow/, 'and runs under the sanitizers');

# ---- The front door ----
ends_well("$build/check-config $_", s{.*/}{}r . ' has no errors') for glob "$top/config/*.conf";
($status, $text) = run("make -C $top help");
like($text, qr/^make $_ +\S/m, "make help tells of $_") for qw(all run run-bochs check soak debug iso size clean distclean);
($status, $text) = run("make -C $top BUILD=$build size");
my ($bytes) = $text =~ /^text: (\d+) bytes/m;
ok(defined $bytes && $bytes > 0 && $bytes < 100 * 1024, "the kernel's text is under 100 KB") or diag($text);
($status, $text) = run("make -s -C $top BUILD=$build all");
ok($status == 0 && $text eq '', 'a second make has nothing to do, for all that `make check` builds') or diag($text);

done_testing;
