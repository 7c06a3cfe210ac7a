/*
 * Whether a link carries: for tests that count on the first frame over a fresh veth.
 *
 * A veth whose peer comes up tells its carrier at once but drops what it is given until the kernel's link watch has run,
 * which nothing that can be asked of every kernel tells. So probes are sent until one arrives.
 */
#ifndef TESTS_UNIT_LINK_PATH_H
#define TESTS_UNIT_LINK_PATH_H

/* A socket for probes at a link of the namespace that the thread is in; to be closed. Needs <cmocka.h>. */
int link_probe(const char *link);
/* Returns when frames pass from one probe's link to the other's. Fails the test if that takes seconds. */
void link_await_path(int from, int to);

#endif
