#!/usr/bin/perl
# The make targets that boot something, as a user calls them.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
my $make = "make -C $top BUILD=$build";
my $hello16 = qr/^# hello16: 4\n(.*\n)*ok 1 hello16\n(.*\n)*NESTOR END pass$/m;

put_file("$work/wrong.conf", "[vm hello64]\nimage = hello64.elf\nexpect = halt\n");
put_file("$work/bad.conf", "[vm hello64]\nimage = hello64.elf\nmemry = 1M\n");

ends("$make run CONFIG=config/minimal.conf", 0, 'make run CONFIG=...', $hello16, qr/^run-qemu: (kvm|tcg), -cpu \w+: \S/m,
    qr/^Config +minimal\.conf: 1 VM$/m);
ends("$make run-bochs CONFIG=config/minimal.conf", 0, 'make run-bochs CONFIG=...', $hello16, qr/^Back end +VMX$/m);
ends("$make run CONFIG=$work/wrong.conf", 2, 'make run fails with its machine', qr/^NESTOR END fail$/m, qr/\*\*\* .*Error 1$/m);
ends("$make run-bochs CONFIG=$work/wrong.conf", 2, 'so does make run-bochs', qr/^NESTOR END fail$/m, qr/\*\*\* .*Error 1$/m);
ends("$make run CONFIG=config/none.conf", 2, 'make run without its config', qr/^run-qemu: config\/none\.conf: no such file/m);
ends("$make check-config CONFIG=config/minimal.conf", 0, 'make check-config');
ends("$make check-config CONFIG=$work/bad.conf", 2, 'make check-config of a mistake',
    qr/^bad\.conf:3: `memry` is not a key of \[vm NAME\]; did you mean `memory`\?$/m);
ends("$make soak N=2 CONFIG=config/minimal.conf", 0, 'make soak', qr/^run 2 of 2: status 0, \d+ ms$/m,
    qr/^tools\/run-qemu .*: 2 of 2 passed\n(.*\n)*tools\/run-bochs .*--cpus 4 .*: 2 of 2 passed$/m);
ends("$make soak N=1 CONFIG=$work/wrong.conf", 2, 'make soak of what fails', qr/^run 1 of 1: status 1, .*\n(.*\n)*NESTOR END fail$/m,
    qr/: 0 of 1 passed$/m);
run("mkdir 'a b' && cp $top/Makefile 'a b'");
ends($_, 2, "a blank in a path: $_", qr/^Makefile:\d+: \*\*\* make takes a blank for the end of a name, and there is one in /m)
    for "make -C 'a b' help", "make -C $top BUILD='$work/a b' help";

my $picture = "$work/screen.png";
ends(qemu("--screenshot $picture"), 0, 'run-qemu --screenshot', qr/^NESTOR END pass$/m);
my $png = -e $picture ? get_file($picture) : '';
is(unpack('x16 N', $png) . 'x' . unpack('x20 N', $png), '720x400', 'a picture of the text screen') if length $png > 24;
like($png, qr/^\x89PNG.*IEND....$/s, 'that is whole');

done_testing;
