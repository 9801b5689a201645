# An HTML page that needs nothing else: styles and script are in it.
package page;
use strict;
use warnings;
use Exporter 'import';
use File::Basename;
use markup qw(markup_escape markup_tag);

our @EXPORT_OK = qw(page_print page_class page_badge page_search page_section);

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
    return defined $verdict ? markup_tag("span.b.$class{$verdict}", $word{$verdict} // $verdict) : '';
}

# A part with its heading; nothing, if there is nothing in it.
sub page_section
{
    my ($heading, $id, @inner) = @_;
    my $text = join '', @inner;
    return $text eq '' ? '' : markup_tag('h2', $heading) . markup_tag("section.card#$id", "\n", $text);
}

# The line that page.js searches by, with a button for each class.
sub page_search
{
    my @buttons = (['', 'all'], [fail => 'failed'], [lost => 'lost'], [xfail => 'known'], [skip => 'skipped'],
        [pass => 'passed']);
    my $hint = 'Search rows and reasons';
    return markup_tag('div.search', "<input type=\"search\" placeholder=\"$hint\" aria-label=\"$hint\">",
        (map { markup_tag('button', {'data-v' => $_->[0]}, $_->[1]) } @buttons), '<output></output>') . "\n";
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
    my ($title, @body) = @_;
    my $keep = "addEventListener('error', event => { document.documentElement.dataset.error = event.message; });\n";

    print "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<link rel=\"icon\" href=\"data:,\">\n",
        markup_tag('title', markup_escape($title)), markup_tag('style', "\n", read_file('page.css')),
        "</head>\n<body>\n", markup_tag('main', "\n", @body), markup_tag('script', "\n", $keep),
        markup_tag('script', "\n", read_file('page.js')), "</body>\n</html>\n";
}

1;
