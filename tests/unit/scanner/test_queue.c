/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "agent/scanner/queue.h"

static QueueItem *item_of(uint64_t cookie, uint64_t volume)
{
	QueueItem *item = queue_item_new(-1);

	assert_non_null(item);
	item->cookie = cookie;
	item->volume = volume;
	return item;
}

static uint64_t take(QueueItem *(*taker)(Queue *), Queue *queue)
{
	QueueItem *item = taker(queue);
	uint64_t cookie = item ? item->cookie : 0;

	queue_item_free(item);
	return cookie;
}

static void files_people_wait_for_come_in_order_of_asking(void **state)
{
	Queue queue = {0};

	assert_int_equal(queue_add_waiting(&queue, item_of(1, 9)), 0);
	assert_int_equal(queue_add_waiting(&queue, item_of(2, 9)), 0);
	assert_int_equal(take(queue_take_waiting, &queue), 1);
	assert_int_equal(take(queue_take_waiting, &queue), 2);
	assert_null(queue_take_waiting(&queue));
	assert_true(queue_is_empty(&queue));
}

static void what_was_just_written_comes_between_people_and_walks(void **state)
{
	Queue queue = {0};
	QueueWalk walk = {0};
	QueueItem *written = item_of(2, 7), *other = item_of(3, 8);

	written->later = other->later = true;
	queue_add_walk(&queue, &walk);
	queue_add_walked(&walk, item_of(9, 7));
	assert_int_equal(queue_add_waiting(&queue, written), 0);
	assert_int_equal(queue_add_waiting(&queue, other), 0);
	assert_int_equal(queue_add_waiting(&queue, item_of(1, 7)), 0);
	assert_int_equal(take(queue_take_waiting, &queue), 1);
	assert_null(queue_take_waiting(&queue));
	written = queue_take_volume(&queue, 7);
	assert_int_equal(written->cookie, 2);
	assert_null(written->next);
	queue_item_free(written);
	assert_int_equal(take(queue_take_later, &queue), 3);
	assert_int_equal(take(queue_take_later, &queue), 9);
	assert_int_equal(queue.n_waiting, 0);
	queue_remove_walk(&queue, &walk);
	assert_true(queue_is_empty(&queue));
}

static void walks_take_turns(void **state)
{
	Queue queue = {0};
	QueueWalk large = {0}, small = {0};
	const uint64_t expected[] = {11, 21, 12, 13};

	queue_add_walk(&queue, &large);
	queue_add_walk(&queue, &small);
	for (uint64_t i = 11; i <= 13; i++)
		queue_add_walked(&large, item_of(i, 1));
	queue_add_walked(&small, item_of(21, 2));
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(take(queue_take_later, &queue), expected[i]);
	assert_null(queue_take_later(&queue));
	assert_int_equal(large.n_working, 3);
	assert_int_equal(large.n_items, 0);
	assert_false(queue_is_empty(&queue));
	queue_remove_walk(&queue, &large);
	queue_remove_walk(&queue, &small);
	assert_true(queue_is_empty(&queue));
}

static void what_waits_on_one_volume_is_taken_together(void **state)
{
	Queue queue = {0};
	QueueItem *taken;

	queue_add_waiting(&queue, item_of(1, 5));
	queue_add_waiting(&queue, item_of(2, 6));
	queue_add_waiting(&queue, item_of(3, 5));
	taken = queue_take_volume(&queue, 5);
	assert_int_equal(taken->cookie, 1);
	assert_int_equal(taken->next->cookie, 3);
	assert_null(taken->next->next);
	queue_item_free(taken->next);
	queue_item_free(taken);
	assert_int_equal(queue.n_waiting, 1);
	assert_null(queue_take_volume(&queue, 5));
	assert_int_equal(take(queue_take_waiting, &queue), 2);
}

static void more_open_files_than_the_limit_are_not_kept(void **state)
{
	Queue queue = {0};
	QueueItem *more = item_of(99, 1);

	for (unsigned i = 0; i < QUEUE_WAITING_MAX; i++)
		assert_int_equal(queue_add_waiting(&queue, item_of(i + 1, 1)), 0);
	assert_int_equal(queue_add_waiting(&queue, more), -EAGAIN);
	queue_item_free(more);
	while (queue.waiting)
		queue_item_free(queue_take_waiting(&queue));
}

static void a_walk_that_is_removed_closes_its_files(void **state)
{
	Queue queue = {0};
	QueueWalk walk = {0};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	queue_add_walk(&queue, &walk);
	queue_add_walked(&walk, queue_item_new(fd));
	queue_remove_walk(&queue, &walk);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_people_wait_for_come_in_order_of_asking),
		cmocka_unit_test(what_was_just_written_comes_between_people_and_walks),
		cmocka_unit_test(walks_take_turns),
		cmocka_unit_test(what_waits_on_one_volume_is_taken_together),
		cmocka_unit_test(more_open_files_than_the_limit_are_not_kept),
		cmocka_unit_test(a_walk_that_is_removed_closes_its_files),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
