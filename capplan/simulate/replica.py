"""One replica under continuous batching: a clock that moves from event to event."""

from bisect import bisect_right
from heapq import heappop
from math import inf, sqrt

from capplan.engine.steptimes import StepTimes
from capplan.simulate.batch import SLOT_BITS, SLOT_MASK, Batch
from capplan.simulate.ledger import Ledger, Timeline
from capplan.simulate.policy import Policy
from capplan.simulate.samples import Samples


class Replica(Batch):
    """A batch with a clock; `arrive` and `proceed` return the time of the next event, inf when idle.

    Between events the same n sequences decode, so that the context grows by n a step and time is a quadratic of
    the steps: a stretch of m steps is planned in closed form and cut at the first step boundary after an arrival
    that could be admitted. Step numbers and tokens are integers, so nothing drifts.
    """

    __slots__ = (
        "busy_s", "cuttable", "end_s", "first_s", "growth_s", "idle_s", "samples", "sequences_s",
        "steps", "timeline", "up_s",
    )  # fmt: skip

    def __init__(self, number: int, times: StepTimes, policy: Policy, ledger: Ledger, samples: Samples) -> None:
        super().__init__(number, times, policy, ledger)
        self.samples, self.timeline = samples, Timeline()
        self.end_s, self.steps, self.first_s, self.growth_s = inf, 0, 0.0, 0.0
        self.cuttable = False
        self.idle_s = self.busy_s = self.sequences_s = self.up_s = 0.0

    def arrive(self, request: int, at_s: float) -> float:
        """A request comes; arrivals are in order and every event before at_s has been taken."""
        self.present_s += self.present * (at_s - self.mark_s)
        self.mark_s = at_s
        self.present += 1
        ranks = self.ledger.ranks
        rank = 0 if ranks is None else ranks[request]
        self.queues[rank].append(request)
        self.waiting += 1
        if self.end_s == inf:
            if at_s > self.samples.due_s:
                self.samples.take(at_s, 0, 0, 0)
            self.idle_s += at_s - self.now_s
            self.now_s = max(at_s, self.up_s)
            return self._plan()
        if at_s <= self.now_s:  # the step that begins at this very moment has not begun without it
            return self._plan()
        # Room only shrinks until the next event: who waits behind another, or finds no seat, need not stop the clock.
        if self.cuttable and (self.free_slots or self.policy.preempt_lower) and self._is_next(request):
            self._cut(at_s)
        return self.end_s

    def proceed(self) -> float:
        """Take the planned stretch to its end: chunks are prefilled, sequences finish, the next stretch is planned."""
        steps, n, timeline = self.steps, self.decoding, self.timeline
        if self.end_s > self.samples.due_s:
            self.samples.take(self.end_s, self.waiting, n + len(self.prefilling), self.used_blocks())
        timeline.start.append(self.step)
        timeline.begin_s.append(self.now_s)
        timeline.first_s.append(self.first_s)
        timeline.growth_s.append(self.growth_s)
        step = self.step = self.step + steps
        self.context += n * steps
        now_s = self.end_s
        self.busy_s += now_s - self.now_s
        self.sequences_s += n * (now_s - self.now_s)
        self.now_s = now_s
        self.extra_s = 0.0
        if self.cache is not None:
            self.cache.trim(self.capacity - self.used_blocks())
        if self.chunks:
            self.take_chunks(steps)
        stops, others = self.stops, self.waiting
        last_key = (step << SLOT_BITS) | SLOT_MASK
        while stops and stops[0] <= last_key:
            key = heappop(stops)
            slot = key & SLOT_MASK
            if self.stop_key[slot] != key:
                self.stale -= 1
            elif self.stop(slot, others):
                others -= 1
        return self._plan()

    def fail(self, at_s: float, up_s: float) -> tuple[list[int], int]:
        """Lose all work at this moment and serve again from `up_s` on; the requests that were here, and their tokens.

        Events before at_s have been taken.
        """
        ledger, tokens = self.ledger, sum(produced for produced, _ in self.parked.values())
        if self.end_s < inf:
            done = bisect_right(range(1, self.steps + 1), at_s - self.now_s, key=self._stretch_s)
            self.busy_s += at_s - self.now_s
            self.sequences_s += self.decoding * (at_s - self.now_s)
            running = [slot for ranked in self.running for slot in ranked if self.stop_key[slot] >= 0]
            tokens += sum(self.offset[slot] + self.step + done - ledger.prompt[self.tenant[slot]] for slot in running)
        here = [self.tenant[slot] for ranked in self.running for slot in ranked]
        here += [request for queue in self.queues for request in queue]
        self.present_s += self.present * (at_s - self.mark_s)
        self.mark_s, self.present = at_s, 0
        ledger.outstanding[self.number] = 0
        self._empty()
        self.end_s, self.now_s, self.up_s = inf, at_s, up_s
        return here, tokens

    def _plan(self) -> float:
        """Compose the next step and count how many like it follow before anything changes."""
        times = self.times
        if self.decoding:
            self.fit()
        prefill_s = 0.0
        if self.waiting or self.prefilling:
            prefill_s = self.compose()
        n, chunks = self.decoding, self.chunks
        if not n and not chunks:
            self.end_s = inf
            return inf
        slope = times.decode_slope_s_per_token[n]
        first_s = times.decode_base_s[n] + slope * self.context + self.extra_s
        growth_s = slope * n
        steps = 1
        self.cuttable = False
        if chunks:
            first_s += times.prefill_fixed_s + prefill_s
            slot, chunk = chunks[-1]
            whole = chunk == times.max_batched_tokens - n
            if whole and self.left[slot] > chunk and not self.extra_s:  # the budget whole, time and again
                steps = self._steps_alike((self.left[slot] - 1) // chunk)
                growth_s += times.prefill_s_per_token_context * chunk * chunk
        elif not self.extra_s:
            steps = self._steps_alike(0)
            self.cuttable = steps > 1
        self.steps, self.first_s, self.growth_s = steps, first_s, growth_s
        self.end_s = self.now_s + self._stretch_s(steps)
        return self.end_s

    def _steps_alike(self, chunks: int) -> int:
        """Steps until a sequence stops, KV runs out or (where a prompt is in chunks) its full chunks do."""
        if not self.decoding:
            return chunks
        stops = self.stops
        while self.stale and self.stop_key[stops[0] & SLOT_MASK] != stops[0]:
            heappop(stops)
            self.stale -= 1
        steps = (stops[0] >> SLOT_BITS) - self.step
        return self._steps_that_fit(min(steps, chunks) if chunks else steps)

    def _steps_that_fit(self, steps: int) -> int:
        """The first of these steps whose KV fits; the next one does (`fit` saw to that)."""
        blocks, n = self.blocks, self.decoding
        room = self.capacity - self.held_blocks - (0 if self.cache is None else self.cache.used_blocks)
        if self.context + n * (steps + blocks.block) <= room * blocks.block:  # even if every last block were fresh
            return steps
        if blocks.at(self.step + steps - 1) <= room:
            return steps
        fits, fails = 1, steps + 1
        while fails - fits > 1:
            middle = (fits + fails) // 2
            if blocks.at(self.step + middle - 1) <= room:
                fits = middle
            else:
                fails = middle
        return fits

    def _stretch_s(self, steps: int) -> float:
        return steps * self.first_s + steps * (steps - 1) / 2 * self.growth_s

    def _cut(self, at_s: float) -> None:
        """End the stretch at its first step boundary at or after at_s."""
        wait_s = at_s - self.now_s
        slant_s = self.first_s - self.growth_s / 2
        steps = int(2 * wait_s / (slant_s + sqrt(slant_s * slant_s + 2 * self.growth_s * wait_s)))
        # The root is right to a rounding error: settle it by the same formula that sets the clock.
        while steps > 1 and self._stretch_s(steps - 1) >= wait_s:
            steps -= 1
        while steps < 1 or self._stretch_s(steps) < wait_s:
            steps += 1
        if steps < self.steps:
            self.steps = steps
            self.end_s = self.now_s + self._stretch_s(steps)
        self.cuttable = False

    def _is_next(self, request: int) -> bool:
        if self.waiting == 1:
            return True
        for queue in self.queues:
            if queue:
                return queue[0] == request
        return False
