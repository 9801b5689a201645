#!/usr/bin/perl
# The lab sheets and the developer's page: what they tell the reader to write and to run, in a copy of the tree; what they show is what
# comes. docs/developer.md says how they are read. SHEETS=TEXT: only those with this in their names.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Basename 'dirname';
use Test::More;
use kernel_machine;

my $tree = "$work/tree";
my ($copied, $said) = run("mkdir $tree && cp -a $top/Makefile $top/*/ $tree && { [ $build -ef $top/build ] || { rm -rf $tree/build; cp -a $build $tree/build; }; }");
is($copied, 0, "the tree is copied, with all that is built") or diag($said);
# The make that runs this has jobs and variables of its own.
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL V)};

# A line as a pattern: blanks are as wide as they are, `~N` is about N, which is any number, `[...]` any text.
sub pattern
{
    my ($line) = @_;
    my %any = ('~' => qr/\d+(?:\.\d+)?/, '[' => qr/.*/, ' ' => qr/\s+/);
    $line =~ s/^\s+|\s+$//g;
    return join '', map { /^(~)\d|^(\[)\.\.\.\]$|^(\s)/ ? $any{substr $_, 0, 1} // $any{' '} : quotemeta }
        split /(~\d+(?:\.\d+)?|\[\.\.\.\]|\s+)/, $line;
}

# The first of the lines that does not come in its turn, or nothing.
sub missing
{
    my ($text, @lines) = @_;
    my @said = split /\n/, $text;
    for my $line (@lines) {
        my $pattern = pattern($line);
        shift @said while @said && $said[0] !~ /$pattern/;
        return $line unless @said;
        shift @said;
    }
    return;
}

# Commands with what they print, as [command, lines].
sub try_commands
{
    my ($sheet, $block) = @_;
    my @commands;
    for (split /\n/, $block) {
        if (/^\$ (.*)/) {
            push @commands, [$1];
        } elsif (!/^\s*(?:\[\.\.\.\])?\s*$/) {
            push @{$commands[-1]}, $_;
        }
    }
    for (@commands) {
        my ($command, @lines) = @$_;
        my ($status, $text) = run("cd $tree && { env -u BUILD timeout 300 sh -c '" . $command =~ s/'/'\\''/gr . "'; }");
        my $line = @lines ? missing($text, @lines) : $status == 0 ? undef : "a status of 0, and not $status";
        ok(!defined $line, "$sheet: $command") or diag("missing: $line\nin:\n$text");
    }
}

sub try_sheet
{
    my ($sheet) = @_;
    my $text = get_file("$top/docs/$sheet");
    my %touched;
    my $steps = 0;
    while ($text =~ /(?:^`([^`\n]+)`:\n\n)?^```(\w*)\n(.*?)^```$/msg) {
        my ($file, $kind, $block) = ($1, $2, $3);
        if (defined $file) {
            $touched{$file} = 1;
            run("mkdir -p $tree/" . dirname($file));
            put_file("$tree/$file", $block);
        } elsif ($kind eq 'diff') {
            $touched{$_} = 1 for $block =~ m{^\+\+\+ b/(\S+)}mg;
            put_file("$work/patch", $block);
            my ($status, $said) = run("patch -p1 -d $tree <$work/patch");
            is($status, 0, "$sheet: a change applies") or diag($said);
        } elsif ($block =~ /^\$ /) {
            try_commands($sheet, $block);
        } else {
            next;
        }
        $steps++;
    }
    cmp_ok($steps, '>', 2, "$sheet has something to do");
    # As it was, but with new times, so that make sees it. What commands have made is in files that are not there otherwise.
    for (sort keys %touched) {
        -e "$top/$_" ? run("cp $top/$_ $tree/$_") : unlink "$tree/$_";
    }
    my ($status, $said) = run("cd $tree && env -u BUILD make -j2 kernel tasks guests");
    is($status, 0, "$sheet: the tree is as it was") or diag($said);
}

my @sheets = map { s{^\Q$top\E/docs/}{}r } "$top/docs/developer.md", glob "$top/docs/student/[0-9]*.md";
@sheets = grep { index($_, $ENV{SHEETS}) >= 0 } @sheets if $ENV{SHEETS};
cmp_ok(scalar @sheets, '>', 0, 'there are sheets');
try_sheet($_) for @sheets;
done_testing;
