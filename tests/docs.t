#!/usr/bin/perl
# The documentation against the tree: what it names is there, what is there is named, and its examples work.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

my @pages = map { s{^\Q$top\E/}{}r } glob "$top/*.md $top/docs/*.md $top/docs/student/*.md";
my %text = map { ($_ => get_file("$top/$_")) } @pages;

# All matches of a pattern's first group in some files.
sub words
{
    my ($pattern, @files) = @_;
    my %found = map { ($_ => 1) } map { get_file("$top/$_") =~ /$pattern/g } @files;
    return sort keys %found;
}

# A heading's anchor.
sub anchor { return lc($_[0]) =~ s/[^a-z0-9 -]//gr =~ tr/ /-/r }

# ---- What it names is there ----
my (@dead, @missing, @targets);
for my $page (@pages) {
    my ($folder) = $page =~ m{^(.*/)?};
    for ($text{$page} =~ /\]\(([^)]+)\)/g) {
        my ($file, $heading) = /^([^#]*)(?:#(.*))?$/;
        next if /^https?:/;
        my $target = $file eq '' ? $page : ($folder // '') . $file;
        my @anchors = -f "$top/$target" && defined $heading ? map { anchor($_) } get_file("$top/$target") =~ /^#+ (.*)$/mg : ();
        push @dead, "$page: $_" if !-e "$top/$target" || (defined $heading && !grep { $_ eq $heading } @anchors);
    }
    # What a sheet lets the reader write is not there.
    push @missing, map { "$page: $_" } grep { !/NAME/ && !-e "$top/$_" && $text{$page} !~ /^`\Q$_\E`:$/m }
        $text{$page} =~ m{`((?:config|docs|drivers|guests|kernel|lib|mm|sched|tests|tools|vmm)/[A-Za-z0-9_/.-]+)`}g;
    push @targets, map { [$page, $_] } $text{$page} =~ /(?:^|`)make ([a-z][a-z-]*)\b/mg;
}
is_deeply(\@dead, [], 'each link leads somewhere');
is_deeply(\@missing, [], 'each file that is named is there');
my (undef, $help) = run("make -C $top help");
is_deeply([map { "$_->[0]: make $_->[1]" } grep { $help !~ /^make \Q$_->[1]\E +\S/m } @targets], [],
    'each make target that is named is one');

# ---- What is there is named ----
# On Markdown pages as code or a link, and not somewhere in the text, where many of them are words like others.
sub named
{
    my ($page, $what, @words) = @_;
    my $names = $text{$page};
    if ($page =~ /\.md$/) {
        $names =~ s/^```.*?^```$//msg;
        $names = join "\n", grep { defined } $names =~ /`([^`\n]+)`|\]\(([^)\n]+)\)/g;
    }
    cmp_ok(scalar @words, '>', 0, "there are $what");
    is_deeply([grep { $names !~ /\b\Q$_\E\b/ } @words], [], "$page names all $what");
}

named('docs/config.md', 'keys', words(qr/^    (?:\[KEY_\w+\] = )?\{"([a-z-]+)", value_read/m, 'vmm/root/config_key.c'));
named('docs/config.md', 'ends', grep { $_ ne 'none' } words(qr/\[END_\w+\] = "([a-z-]+)"/, 'vmm/lib/end.c'));
named('docs/abi.md', 'hypercalls', grep { !/^HC_MONITOR|_END$/ } words(qr/^    (HC_[A-Z_]+)\b/m, 'config/abi.h'));
named('docs/abi.md', 'regions of a task', grep { !/_(END|BYTES)$/ } words(qr/^#define (TASK_[A-Z_]+) /m, 'config/abi.h'));
$text{'docs/nestor.7'} = get_file("$top/docs/nestor.7");
named($_, 'options', words(qr/boot_option\([^;"]*"(\w+)"/, map { s{^\Q$top\E/}{}r } glob "$top/kernel/*.c $top/kernel/*/*.c"))
    for qw(docs/boot.md docs/nestor.7);
named($_, "options of the root task's", words(qr/^ +\{"(\w+)", value_read_\w+, \{\.to = /m, 'vmm/root/option.c'))
    for qw(docs/config.md docs/nestor.7);
my @options = map { words($_->[0], map { s{^\Q$top\E/}{}r } glob "$top/$_->[1]") } [qr/boot_option\([^;"]*"(\w+)"/, '{kernel/*.c,kernel/*/*.c}'],
    [qr/^ +\{"(\w+)", value_read_\w+, \{\.to = /m, 'vmm/root/option.c'];
is_deeply([grep { $text{'docs/nestor.7'} !~ /^\.It Cm \Q$_\E Ns ?=/m } @options], [], 'and the man page has an item for each');
named('docs/boot.md', 'errors to provoke', words(qr/^    \{"([a-z-]+)", provoke_/m, 'kernel/provoke.c'));
named('docs/guests.md', 'demo guests', map { m{/([^/.]+)(?:\.\w+)?$} } glob "$top/guests/demo/*");
named('README.md', 'folders', map { m{([^/]+)/$} } grep { !m{/build/$} } glob "$top/*/");
named('README.md', 'pages', map { m{([^/]+)$} } glob "$top/docs/*.md");
named('docs/student/README.md', 'sheets', map { m{([^/]+)$} } glob "$top/docs/student/[0-9]*.md");
ends("mandoc -Tlint -Wwarning $top/docs/nestor.7", 0, 'mandoc has nothing to say against the man page', qr/^$/);

# The tables of the ABI are made from the header's comments.
ends("$top/tools/abi-doc --check", 0, 'docs/abi.md is what config/abi.h says', qr/^$/);
run("mkdir -p copy/docs && cp -r $top/tools $top/config copy && cp $top/docs/abi.md copy/docs && sed -i 's/try again/never again/' copy/config/abi.h");
ends('copy/tools/abi-doc --check', 1, 'another header is another page', qr/^-\| 3 \| `ABI_EAGAIN` \| try again \|$/m, qr/^\+\| 3 .* never again \|$/m,
    qr/run tools\/abi-doc$/m);
ends('copy/tools/abi-doc && copy/tools/abi-doc --check', 0, 'which tools/abi-doc writes');

# ---- Its examples work ----
my $n = 0;
for my $page (grep { !m{^docs/(developer\.md|student/)} } @pages) { # those are tried by sheets.t
    for my $example (grep { /^\[vm /m } $text{$page} =~ /^```\n(.*?)^```$/msg) {
        next if $example =~ /^NESTOR BEGIN$/m;
        my $file = "$work/example" . ++$n . '.conf';
        put_file($file, $example);
        reports(qemu("--states $work --config $file"), 0, "the example of $page runs well");
    }
}
cmp_ok($n, '>=', 2, 'there are examples of machine descriptions');
my ($command) = $text{'docs/boot.md'} =~ /^```\n(qemu-system.*?)^```$/ms;
chomp $command;
$command =~ s{build/}{$build/}g;
my ($status, $said) = run("cd $top && timeout 120 $command");
ok($status == 1 && $said =~ /^NESTOR END pass$/m, 'the command of docs/boot.md boots') or diag("$status: $said");

# The transcripts are of machines like today's: the same VMs, and the same ends.
my @transcripts = $text{'README.md'} =~ /^```\n((?:run-qemu|Nestor\n).*?)^```$/msg;
is(@transcripts, 2, 'README.md has two transcripts');
my @sections = get_file("$top/config/default.conf") =~ /^\[vm (\S+)\]$/mg;
for (@transcripts) {
    my ($table) = /^# VM .*\n((?:# .*\n)*?)# first guest/m;
    is_deeply([$table =~ /^# (\S+) /mg], \@sections, 'a transcript has the VMs of the default machine');
}

done_testing;
