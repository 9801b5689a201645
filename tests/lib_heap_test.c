/* sources: lib/heap.c tests/lib_support.c */
#include "lib/heap.h"
#include "tests/lib_support.h"

enum { NODES = 300, MANY = 200000 };

static struct heap_node node[NODES], many[MANY];
static bool queued[NODES];
static uint64_t inserted[NODES], clock_now;

/* The node that must come first: smallest key, then earliest insertion; NODES when there is none. */
static unsigned model_first(void)
{
    unsigned first = NODES;

    for (unsigned i = 0; i < NODES; i++)
        if (queued[i] && (first == NODES || node[i].key < node[first].key ||
                          (node[i].key == node[first].key && inserted[i] < inserted[first])))
            first = i;
    return first;
}

static void insert(struct heap *heap, unsigned i, uint64_t key)
{
    node[i].key = key;
    heap_insert(heap, &node[i]);
    queued[i] = true;
    inserted[i] = clock_now++;
}

static void test_against_model(void)
{
    for (uint64_t round = 0; round < 40; round++) {
        struct heap heap = {0};
        uint64_t keys = round % 2 ? 8 : UINT64_MAX;

        test_seed(round);
        for (unsigned i = 0; i < NODES; i++) {
            node[i] = (struct heap_node){0};
            queued[i] = false;
        }
        for (unsigned step = 0; step < 3000; step++) {
            unsigned i = (unsigned)test_below(NODES), first;

            if (test_below(3) == 0 && heap_first(&heap))
                i = (unsigned)(heap_first(&heap) - node);
            CHECK(heap_node_is_queued(&node[i]) == queued[i]);
            if (queued[i] || test_below(8) == 0) {
                heap_remove(&heap, &node[i]);
                queued[i] = false;
            } else {
                insert(&heap, i, test_below(keys));
            }
            first = model_first();
            CHECK(heap_first(&heap) == (first < NODES ? &node[first] : NULL));
        }
        for (unsigned first; (first = model_first()) < NODES; queued[first] = false) {
            CHECK(heap_first(&heap) == &node[first]);
            heap_remove(&heap, &node[first]);
            CHECK(!heap_node_is_queued(&node[first]));
        }
        CHECK(heap_first(&heap) == NULL);
    }
    test_passed("random insertions and removals against a model, with equal keys in order of insertion");
}

/* Would take minutes if one operation were linear; and a recursion over that many would overflow a kernel's stack. */
static void test_many(void)
{
    struct heap heap = {0};
    uint64_t last = 0;

    for (unsigned i = 0; i < MANY; i++) {
        many[i].key = i % 3 ? test_below(1000000) : i;
        heap_insert(&heap, &many[i]);
    }
    for (unsigned i = 0; i < MANY; i += 2)
        heap_remove(&heap, &many[i]);
    for (unsigned i = 0; i < MANY / 2; i++) {
        struct heap_node *first = heap_first(&heap);

        CHECK(first && first->key >= last && (first - many) % 2 == 1);
        last = first->key;
        heap_remove(&heap, first);
    }
    CHECK(heap_first(&heap) == NULL);
    test_passed("200000 nodes come out in order, in time");
}

int main(void)
{
    test_against_model();
    test_many();
    return test_done();
}
