/* `queue` and `ring` lines of [machine]: channels between two VMs, which may stand further down. */
#include <stdlib.h>
#include <string.h>

#include "vmm/root/config_parser.h"

/* What differs between the two keys. */
struct channel_key {
    const char *name, *size; /* as in the file */
    uint64_t otherwise, most;
};

static const struct channel_key channel_keys[] = {
    [CHANNEL_QUEUE] = {"queue", "slots", 64, MAX_QUEUE_SLOTS},
    [CHANNEL_RING] = {"ring", "pages", 16, MAX_RING_PAGES},
};

const char *config_channel_word(enum channel_type type) { return channel_keys[type].name; }

/* Takes the first word off *rest. */
static struct slice take_word(struct slice *rest)
{
    struct slice word = slice_trim(*rest);
    size_t bytes = 0;

    while (bytes < word.bytes && word.text[bytes] != ' ' && word.text[bytes] != '\t')
        bytes++;
    *rest = (struct slice){word.text + bytes, word.bytes - bytes};
    word.bytes = bytes;
    return word;
}

/* `slots=64` */
static bool parse_size(struct parser *p, const struct channel_key *key, struct slice word, uint64_t *size)
{
    const size_t name = strlen(key->size);
    struct slice number = {word.text + name + 1, word.bytes - name - 1};
    char quote[QUOTE_BYTES], why[WHY_BYTES];

    if (word.bytes <= name || memcmp(word.text, key->size, name) != 0 || word.text[name] != '=') {
        config_error_at(p, p->line, "%s: `%s` is not accepted; expected %s=N", key->name, slice_quote(word, quote),
                        key->size);
        return false;
    }
    if (!value_read_number(number, &(struct value_field){size, sizeof *size, 1, key->most}, why)) {
        config_error_at(p, p->line, "%s: %s: %s", key->name, key->size, why);
        return false;
    }
    if (*size & (*size - 1)) {
        config_error_at(p, p->line, "%s: %s: `%s` is not a power of two; expected one from 1 to %llu", key->name, key->size,
                        slice_quote(number, quote), (unsigned long long)key->most);
        return false;
    }
    return true;
}

static bool parse_name(struct slice word, char name[VM_NAME_BYTES])
{
    if (word.bytes == 0 || word.bytes >= VM_NAME_BYTES)
        return false;
    memcpy(name, word.text, word.bytes);
    name[word.bytes] = 0;
    return true;
}

/* The array doubles. */
static bool add(struct config *config, const struct channel_config *channel)
{
    size_t n = config->channels;
    struct channel_config *grown = config->channel;

    if ((n & (n - 1)) == 0)
        grown = realloc(config->channel, (n ? 2 * n : 1) * sizeof(*grown));
    if (!grown)
        return false;
    config->channel = grown;
    grown[config->channels++] = *channel;
    return true;
}

void config_parse_channel(struct parser *p, enum channel_type type, struct slice value)
{
    const struct channel_key *key = &channel_keys[type];
    struct channel_config channel = {.type = type, .size = key->otherwise, .line = p->line};
    struct slice rest = value, from = take_word(&rest), arrow = take_word(&rest), to = take_word(&rest);
    struct slice size = take_word(&rest);
    char quote[QUOTE_BYTES];

    if (!parse_name(from, channel.from_name) || !slice_equal(arrow, "->") || !parse_name(to, channel.to_name) ||
        slice_trim(rest).bytes > 0) {
        config_error_at(p, p->line, "%s: `%s` is not accepted; expected FROM -> TO or FROM -> TO %s=N", key->name,
                        slice_quote(value, quote), key->size);
        return;
    }
    if (size.bytes > 0 && !parse_size(p, key, size, &channel.size))
        return;
    if (!add(p->config, &channel))
        config_error_at(p, p->line, "no memory for %s number %zu", key->name, p->config->channels + 1);
}

/* The number of the VM, which gets one channel more; false, and an error, if there is no such VM or no room. */
static bool find_vm(struct parser *p, const struct channel_config *channel, const char *name, size_t *number)
{
    struct config *config = p->config;
    const char *word = config_channel_word(channel->type);
    size_t i = 0;

    while (i < config->vms && strcmp(config->vm[i].name, name) != 0)
        i++;
    if (i == config->vms) {
        config_error_at(p, channel->line, "%s: there is no VM `%s`; expected the name of one", word, name);
        return false;
    }
    *number = i;
    if (config->vm[i].restarts || config->vm[i].repeat > 1)
        config_error_at(p, channel->line, "%s: VM `%s` may be started again, and would have no channels then; expected one "
                        "without `restart` and `repeat`", word, name);
    if (config->vm[i].save_ms || config->vm[i].state[0])
        config_error_at(p, channel->line, "%s: VM `%s` has `save` or `state`, and channels are not saved; expected one "
                        "without them", word, name);
    if (config->vm[i].channels++ != MAX_VM_CHANNELS)
        return true;
    config_error_at(p, channel->line, "%s: one too many for VM `%s`; expected at most %d", word, name, MAX_VM_CHANNELS);
    return false;
}

void config_finish_channels(struct parser *p)
{
    for (size_t i = 0; i < p->config->channels; i++) {
        struct channel_config *channel = &p->config->channel[i];

        if (find_vm(p, channel, channel->from_name, &channel->from) &&
            find_vm(p, channel, channel->to_name, &channel->to) && channel->from == channel->to)
            config_error_at(p, channel->line, "%s: it leads from `%s` to itself; expected two VMs",
                            config_channel_word(channel->type), channel->from_name);
    }
}
