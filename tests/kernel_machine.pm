# What the system tests of the kernel share: machines that are run, and judged by how they end and what they print.
package kernel_machine;
use strict;
use warnings;
use Cwd 'abs_path';
use Exporter 'import';
use File::Temp 'tempdir';
use IO::Socket::UNIX;
use Test::More;
use ktap 'ktap_read';

our @EXPORT = qw($top $build $work $config qemu bochs run ends ends_well reports says link_build put_file get_file monitor ask expected_ends);

(our $top = abs_path($0)) =~ s{/tests/[^/]*$}{};
our $build = abs_path($ENV{BUILD} // "$top/build");
our $work = tempdir(CLEANUP => 1);
our $config = "$top/tests/data/boot/one.conf";

# What the tools end with for a machine that gave no verdict.
our $NO_VERDICT = 2;

# Commands that boot $config, with more options for the tools.
sub qemu { return "$top/tools/run-qemu --tcg --timeout 600 --config $config @_" }
sub bochs { return "$top/tools/run-bochs --timeout 600 --config $config @_" }

# Runs a shell command; -> its status, and all that it printed.
sub run
{
    my ($command) = @_;
    local $ENV{BUILD} = $ENV{BUILD} // $build;
    my $text = `cd $work && { $command ; } 2>&1 </dev/null`;
    $text =~ s/\r//g;
    return ($? >> 8, $text);
}

# One test: the command ends with this status, and what it prints matches each pattern.
sub ends
{
    my ($command, $status, $name, @patterns) = @_;
    my ($got, $text) = run($command);
    my @missing = grep { $text !~ $_ } @patterns;
    ok($got == $status && !@missing, $name)
        or diag("$command\nended with $got, expected $status", (map { "\nand $_" } @missing), ":\n$text");
}

# One test: the machine gets through $config.
sub ends_well
{
    my ($command, $name, @patterns) = @_;
    ends($command, 0, $name, qr/^ok 1 hello64$/m, qr/^NESTOR END pass$/m, @patterns);
}

# One test: the command ends with this status, and what it prints is right KTAP. -> that as ktap_read's, and its text.
# Options are ktap_read's.
sub reports
{
    my ($command, $status, $name, %options) = @_;
    my ($got, $text) = run($command);
    my $doc = ktap_read($text, %options);
    ok($got == $status && !@{$doc->{errors}}, $name)
        or diag("$command\nended with $got, expected $status", (map { "\n$_" } @{$doc->{errors}}), ":\n$text");
    return ($doc, $text);
}

# One test: the command prints this sooner or later; then it is stopped. For machines that can't be switched off.
sub says
{
    my ($command, $pattern, $name) = @_;
    my ($text, $part) = ('', '');
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        open STDIN, '<', '/dev/null';
        $ENV{BUILD} //= $build;
        exec split ' ', $command;
    }
    $text .= $part while $text !~ $pattern && sysread($out, $part, 4096);
    kill 'TERM', $pid;
    close $out;
    ok($text =~ $pattern, $name) or diag("$command\nexpected $pattern:\n$text");
}

sub put_file
{
    my ($name, $bytes) = @_;
    unlink $name;
    open my $out, '>:raw', $name or die "$name: $!";
    print $out $bytes;
    close $out;
}

sub get_file
{
    my ($name) = @_;
    open my $in, '<:raw', $name or die "$name: $!";
    local $/;
    return <$in>;
}

# Talks from now on to the QEMU that listens at this socket (-monitor unix:PATH,server=on,wait=off).
my ($connection, $PATIENCE) = (undef, 40);

sub monitor
{
    my ($socket) = @_;
    for (1 .. 5 * $PATIENCE) {
        last if $connection = IO::Socket::UNIX->new($socket);
        select undef, undef, undef, 0.2;
    }
    $connection or BAIL_OUT("no monitor at $socket: $!");
    answer();
}

# What the monitor says, up to its next prompt or its end.
sub answer
{
    my $text = '';
    local $SIG{ALRM} = sub { die "QEMU's monitor is silent after: $text" };
    alarm $PATIENCE;
    while ($text !~ /\(qemu\) $/) {
        last unless sysread $connection, $text, 65536, length $text;
    }
    alarm 0;
    $text =~ s/\r//g;
    return $text;
}

# "" where QEMU is gone.
sub ask
{
    my ($question) = @_;
    local $SIG{PIPE} = 'IGNORE';
    return syswrite($connection, "$question\n") ? answer() : '';
}

# How each VM of a config is to end, as the table at the end of a run says it.
sub expected_ends
{
    my ($text) = @_;
    my %end = map { my ($name) = /^(\S+)\]/; ($name => /^expect = (.+)$/m ? $1 : /^background = yes$/m ? 'running' : 'exit 0') }
        grep { /^[^\[]\S*\]/ } split /^\[vm /m, $text;
    return \%end;
}

# A folder with links to this build's images, some of which can be replaced: for the tools' BUILD.
sub link_build
{
    my ($folder) = @_;
    mkdir $folder or die "$folder: $!";
    symlink "$build/$_", "$folder/$_" or die for qw(nestor.elf root.elf monitor.elf guests);
}

1;
