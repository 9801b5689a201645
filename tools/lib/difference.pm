# config/known-differences: which of them a row of a platform is listed under, and why. Who decides what is printed as
# XFAIL is vmm/root/difference.c; this finds the argument for those who read the log later.
package difference;
use strict;
use warnings;
use Exporter 'import';
use File::Glob ':bsd_glob';
use FindBin;

our @EXPORT_OK = qw(difference_find);

my @list; # {platform, id, seen, why, manual, run}

sub load
{
    for my $file (sort glob "$FindBin::Bin/../config/known-differences/*.conf") {
        open my $in, '<', $file or die "$file: $!\n";
        while (my $line = <$in>) {
            push @list, {} if $line =~ /^\[difference\]$/;
            $list[-1]{$1} = $2 if @list && $line =~ /^(\w+) *= *(.*?)\s*$/;
        }
    }
    for (@list) {
        my @globs = map { quotemeta =~ s/\\\*/.*/gr =~ s/\\\?/./gr } split ' ', $_->{id} // '';
        $_->{pattern} = qr/^(?:@{[join '|', @globs]})$/;
    }
}

# The words that `platform` is looked for in, as vmm/root/passport.c has them.
sub platform_of
{
    my ($passport) = @_;
    my %is = map { ($_->[0] => $_->[1]) } reverse @$passport;
    my ($machine) = ($is{Machine} // '') =~ /^([^,]*)/;
    return lc join ' ', $machine, map { $is{$_} // '' } 'Back end', 'CPU', 'Hypervisor';
}

# The difference that a row of this id is listed under on the platform with this passport, or nothing.
sub difference_find
{
    my ($passport, $id) = @_;
    load() if !@list;
    my $platform = platform_of($passport);

    for my $difference (@list) {
        next if grep { index($platform, lc) < 0 } split ' ', $difference->{platform} // '';
        return $difference if $id =~ $difference->{pattern};
    }
    return;
}

1;
