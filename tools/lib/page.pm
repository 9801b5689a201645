# An HTML page that needs nothing else: styles and script are in it.
package page;
use strict;
use warnings;
use Exporter 'import';
use File::Basename;
use markup qw(markup_escape);

our @EXPORT_OK = qw(page_print page_class page_badge);

my $folder = dirname(__FILE__);

# Verdicts by the five colours of the page.
my %class = (pass => 'pass', skip => 'skip', xfail => 'xfail', lost => 'lost',
    fail => 'fail', error => 'fail', timeout => 'fail', killer => 'fail');
my %word = (xfail => 'known', killer => 'died here');

sub page_class { return $class{$_[0]} }

# A verdict as a coloured word; none is nothing.
sub page_badge
{
    my ($verdict) = @_;
    return '' if !defined $verdict;
    return "<span class=\"b $class{$verdict}\">" . ($word{$verdict} // $verdict) . '</span>';
}

sub read_file
{
    my ($name) = @_;
    open my $in, '<', "$folder/$name" or die "$folder/$name: $!\n";
    local $/;
    return <$in>;
}

# A mistake in the script is kept where a test, or somebody with the inspector, finds it: <html data-error>.
sub page_print
{
    my ($title, $body) = @_;
    print '<!doctype html>', "\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        '<link rel="icon" href="data:,">', "\n<title>", markup_escape($title), "</title>\n<style>\n", read_file('page.css'),
        "</style>\n</head>\n<body>\n<main>\n$body</main>\n<script>\n",
        "window.addEventListener('error', event => { document.documentElement.dataset.error = event.message; });\n",
        "</script>\n<script>\n", read_file('page.js'), "</script>\n</body>\n</html>\n";
}

1;
