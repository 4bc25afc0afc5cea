"""What became of jobs, however many."""

import tracemalloc

from i2sbkit.jobs.outcomes import Outcome, Outcomes


def outcome(number):
    error = f"no. {number}: damaged" if number % 10 == 0 else None
    outputs = [] if error else [f"out/{number}.png"]
    return Outcome(f"in/{number}\udc80\n.png", outputs, 0.25, 1.5, error, elsewhere=number % 3 == 0)


def test_they_come_back_as_they_were_put_in_as_often_as_wanted_and_between_others():
    """Names that are no text, and those with line breaks, too."""
    all_of_them = [outcome(number) for number in range(50)]
    outcomes = Outcomes(all_of_them[:20])
    assert list(outcomes) == all_of_them[:20]
    first = iter(outcomes)
    assert next(first) == all_of_them[0]
    for each in all_of_them[20:]:
        outcomes.append(each)
    assert next(first) == all_of_them[1]
    assert list(outcomes) == list(outcomes) == all_of_them
    assert (len(outcomes), outcomes.failed) == (50, 5)


def test_written_are_the_files_that_lie_where_they_say():
    outcomes = Outcomes(outcome(number) for number in range(1, 10))
    assert list(outcomes.written) == [f"out/{number}.png" for number in (1, 2, 4, 5, 7, 8)]


def test_memory_does_not_grow_with_their_number():
    """50,000 take 10 MB as objects; here what is kept in memory ends at about one."""
    outcomes = Outcomes()
    tracemalloc.start()
    for number in range(50_000):
        outcomes.append(outcome(number))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000
    assert sum(1 for _ in outcomes) == 50_000
