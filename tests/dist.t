#!/usr/bin/perl
# The release archive: the same bytes again, all that it should have, checksums that are right, and an image that boots.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

link_build("$work/$_") for qw(one two);
my ($status, $said);
for my $folder (qw(one two)) {
    ($status, $said) = run("BUILD=$work/$folder TZ=" . ($folder eq 'one' ? 'UTC' : 'Asia/Tokyo') . " $top/tools/make-dist --version 1.2; status=\$?; sleep 1; exit \$status");
    is($status, 0, "make-dist in $folder") or diag($said);
    like($said, qr{^\Q$work\E/$folder/nestor-1\.2\.tar\.xz: \d+ bytes$}m, 'it says what it has made');
}
ends("cmp one/nestor-1.2.tar.xz two/nestor-1.2.tar.xz", 0, 'the archive has the same bytes wherever and whenever it is made');

($status, my $list) = run("tar xJf one/nestor-1.2.tar.xz && cd nestor-1.2 && find . -type f");
is($status, 0, 'it unpacks');
my %has = map { (s{^\./}{}r => 1) } split /\n/, $list;
my @wanted = (qw(README.md LICENSE VERSION SHA256SUMS nestor.iso docs/nestor.7),
    qw(pxe/nestor.cfg pxe/nestor.0 pxe/nestor.efi pxe/nestor.ipxe),
    map { s{^\Q$top\E/}{}r } glob "$top/docs/*.md $top/docs/student/*.md");
is_deeply([grep { !$has{$_} } @wanted], [], 'it has the image, the PXE folder and all documents');
my @dead;
for my $page (grep { /\.md$/ } sort keys %has) {
    my ($folder) = $page =~ m{^(.*/)?};
    push @dead, map { "$page: $_" } grep { !/^https?:/ && !-e "$work/nestor-1.2/" . ($folder // '') . $_ }
        get_file("$work/nestor-1.2/$page") =~ /\]\(([^)#]+)[)#]/g;
}
is_deeply(\@dead, [], 'each link of its pages leads somewhere in it');
is(get_file("$work/nestor-1.2/VERSION"), "1.2\n", 'it knows its version');
ends("cd nestor-1.2 && sha256sum --strict -c SHA256SUMS", 0, 'its checksums are right');
is(scalar(split /\n/, get_file("$work/nestor-1.2/SHA256SUMS")), scalar(keys %has) - 1, 'and are of all files');
ends("$top/tools/run-qemu --tcg --timeout 120 --iso nestor-1.2/nestor.iso", 0, 'its image boots', qr/^NESTOR END pass$/m);

ends("$top/tools/make-dist --version 'a b'", 2, 'a version that is none', qr/"a b" is no version/);
ends("$top/tools/make-dist --odd", 2, 'an unknown option', qr/unknown option: --odd/);
ends("$top/tools/make-dist --help", 0, '--help', qr/^usage: tools\/make-dist/);
mkdir "$work/$_" for qw(copy copy/tools);
run("cp $top/tools/make-dist $top/tools/machine.sh copy/tools");
ends("GIT_CEILING_DIRECTORIES=/ GIT_DIR=/nowhere copy/tools/make-dist", 2, 'no version', qr/no version: there is neither git nor a file VERSION/);

done_testing;
