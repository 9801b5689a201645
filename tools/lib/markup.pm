# Text in XML and HTML.
package markup;
use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(markup_escape markup_number);

my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');

sub markup_escape
{
    my ($text) = @_;
    return $text =~ s/([&<>"])/$entity{$1}/gr;
}

# 12,345
sub markup_number
{
    my ($number) = @_;
    1 while $number =~ s/^(\d+)(\d{3})/$1,$2/;
    return $number;
}

1;
