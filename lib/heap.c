#include "lib/heap.h"

/* Whether a comes out before b. */
static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

/* Joins two trees, whatever siblings their roots had, to one; returns its root, which has none. */
static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
    struct heap_node *first = is_before(a, b) ? a : b;
    struct heap_node *second = first == a ? b : a;

    second->previous = first;
    second->sibling = first->child;
    if (first->child)
        first->child->previous = second;
    first->child = second;
    first->sibling = NULL;
    return first;
}

/* Joins a list of siblings to one tree: in pairs from first to last, then the pairs from last to first. */
static struct heap_node *meld_siblings(struct heap_node *list)
{
    struct heap_node *pairs = NULL, *tree = NULL;

    while (list) {
        struct heap_node *a = list, *b = a->sibling;

        list = b ? b->sibling : NULL;
        if (b)
            a = meld(a, b);
        a->sibling = pairs;
        pairs = a;
    }
    while (pairs) {
        struct heap_node *next = pairs->sibling;

        tree = tree ? meld(tree, pairs) : pairs;
        pairs = next;
    }
    return tree;
}

static void set_root(struct heap *heap, struct heap_node *root)
{
    heap->root = root;
    if (root)
        root->previous = root;
}

/* Takes a node that is not the root, with all below it, away from its parent. */
static void cut(struct heap_node *node)
{
    if (node->previous->child == node)
        node->previous->child = node->sibling;
    else
        node->previous->sibling = node->sibling;
    if (node->sibling)
        node->sibling->previous = node->previous;
    node->sibling = NULL;
}

void heap_insert(struct heap *heap, struct heap_node *node)
{
    node->child = node->sibling = NULL;
    node->order = heap->inserted++;
    set_root(heap, heap->root ? meld(heap->root, node) : node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    struct heap_node *below;

    if (!heap_node_is_queued(node))
        return;
    below = meld_siblings(node->child);
    if (heap->root == node) {
        set_root(heap, below);
    } else {
        cut(node);
        if (below)
            set_root(heap, meld(heap->root, below));
    }
    node->child = node->sibling = node->previous = NULL;
}
