"""Who is in the batch: admission, prefill in chunks, joining, leaving and preemption of one replica."""

from collections import deque
from heapq import heappush

from capplan.engine.steptimes import StepTimes
from capplan.simulate.blocks import BlockCount
from capplan.simulate.ledger import Ledger
from capplan.simulate.policy import Policy, Preemption
from capplan.simulate.prefix import PrefixCache
from capplan.simulate.ranks import Ranks

# Stops wait in a heap of plain integers: the step number, then the slot. Integers compare faster than tuples.
SLOT_BITS = 17
SLOT_MASK = (1 << SLOT_BITS) - 1
NEW = (0, False)


class Batch:
    """The sequences of one replica at a step boundary; `replica.Replica` adds the clock.

    A sequence holds a slot from admission to its end. While it prefills, its KV blocks are reserved; while it
    decodes, its context less the step number is constant (`offset`) and so is the step at which it stops.
    parked: tokens produced so far, and whether the KV waits on the host, of requests taken off the batch.
    """

    __slots__ = (
        "blocks",
        "cache",
        "capacity",
        "chunks",
        "context",
        "decoding",
        "extra_s",
        "free_slots",
        "held",
        "held_blocks",
        "ledger",
        "left",
        "mark_s",
        "now_s",
        "number",
        "offset",
        "parked",
        "policy",
        "preempted",
        "prefilled",
        "prefilling",
        "present",
        "present_s",
        "queues",
        "ranks",
        "reserve",
        "running",
        "shared",
        "stale",
        "step",
        "stop_key",
        "stops",
        "swap_s",
        "tenant",
        "times",
        "waiting",
    )  # fmt: skip

    def __init__(self, number: int, times: StepTimes, policy: Policy, ledger: Ledger) -> None:
        self.number, self.times, self.policy, self.ledger = number, times, policy, ledger
        self.capacity = times.kv_blocks
        self.reserve = int(policy.watermark * self.capacity)
        self.swap_s = times.swap_s_per_token or 0.0
        self.step, self.now_s = 0, 0.0
        self.present = self.preempted = 0
        self.present_s = self.mark_s = 0.0
        self._empty()

    def _empty(self) -> None:
        """Nobody runs or waits, and the KV cache holds nothing."""
        slots, ranks = self.times.max_sequences, max(self.policy.priorities, default=0) + 1
        page_blocks = self.policy.prefix_page_tokens // self.times.kv_block_tokens
        self.cache = None if self.ledger.pages is None else PrefixCache(page_blocks, self.ledger.page_blocks)
        self.extra_s = 0.0
        self.queues: list[deque[int]] = [deque() for _ in range(ranks)]
        self.running: list[dict[int, None]] = [{} for _ in range(ranks)]  # slots in order of admission
        self.waiting = 0
        self.parked: dict[int, tuple[int, bool]] = {}
        self.free_slots = list(range(slots - 1, -1, -1))
        self.tenant, self.shared = [0] * slots, [0] * slots
        self.prefilling: deque[int] = deque()
        self.ranks = Ranks(self.times.ranks)
        self.chunks: list[tuple[int, int]] = []
        self.left, self.prefilled, self.held = [0] * slots, [0] * slots, [0] * slots
        self.held_blocks = self.decoding = self.context = self.stale = 0
        self.offset, self.stop_key = [0] * slots, [-1] * slots
        self.stops: list[int] = []
        self.blocks = BlockCount(self.times.kv_block_tokens)

    def used_blocks(self) -> int:
        """KV blocks in use if the next step runs."""
        used = self.blocks.at(self.step) + self.held_blocks
        return used if self.cache is None else used + self.cache.used_blocks

    def fit(self) -> None:
        """Preempt until the next step's KV fits."""
        block = self.blocks.block
        room = (self.capacity - self.held_blocks) * block - self.decoding * block
        if self.cache is None and self.context <= room:  # fits even if every last block were fresh
            return
        while self.used_blocks() > self.capacity:
            self._preempt()

    def compose(self) -> float:
        """Share the token budget of the next step among prompts, admitting who fits; the prefill seconds."""
        times = self.times
        if self.policy.preempt_lower and self.waiting:
            self._make_way()
        self.chunks = chunks = []
        budget = times.max_batched_tokens - self.decoding
        prefill_s = attended = most_attended = 0.0
        admitted = 0
        queue = self.prefilling
        while budget > 0:
            if admitted == len(queue):
                if not self.waiting or not self.free_slots:
                    break
                decoding = self.decoding
                if not self._admit():
                    break
                if self.decoding > decoding:  # back from the host, or read elsewhere: it decodes at once
                    budget -= 1
                    continue
            slot = queue[admitted]
            admitted += 1
            if self.ranks.waits(self, slot):
                continue
            chunk = min(self.left[slot], budget, times.max_prompt_tokens)
            budget -= chunk
            chunks.append((slot, chunk))
            # Causal: a chunk attends to all before it and to half of itself.
            context = self.prefilled[slot] + chunk / 2
            prefill_s += chunk * (times.prefill_s_per_token + times.prefill_s_per_token_context * context)
            attended += chunk * context
            most_attended = max(most_attended, chunk * context)
            if chunk == self.left[slot]:
                prefill_s += times.request_s
        return prefill_s + times.prefill_s_per_token_context * self.ranks.unshared(attended, most_attended)

    def take_chunks(self, steps: int) -> None:
        """The composed chunks are done, `steps` times over; whose prompt is complete has its next token."""
        left = self.left
        for slot, chunk in self.chunks:
            left[slot] -= chunk * steps
            self.prefilled[slot] += chunk * steps
            if not left[slot]:
                self.prefilling.remove(slot)
                self._emit(slot)
        self.chunks = []

    def stop(self, slot: int, others: int) -> bool:
        """A sequence ends, starts to grow, or reaches a checkpoint; True where it steps back for one of `others`."""
        request, ledger = self.tenant[slot], self.ledger
        produced = self.offset[slot] + self.step - ledger.prompt[request]
        if produced == 1 and not ledger.first_s[request]:
            ledger.first_s[request] = self.now_s
        if produced >= ledger.output[request]:
            self._leave(slot)
            self._finish(slot, request)
            return False
        if self.held[slot] and produced >= self.policy.growth_tokens:
            self._grow(slot)
        rank = 0 if ledger.ranks is None else ledger.ranks[request]
        checkpoint = self.policy.checkpoint_tokens
        if checkpoint is None or produced % checkpoint or not others or not any(self.queues[: rank + 1]):
            self._expect(slot, request, produced)
            return False
        self._leave(slot)
        self._park(slot, request, rank, produced)
        self.queues[rank].append(request)
        return True

    def _admit(self) -> bool:
        """Seat the request that is next, if its KV fits."""
        rank = 0
        while not self.queues[rank]:
            rank += 1
        request = self.queues[rank][0]
        blocks, fresh_pages = self._demand(request)
        if not self._fits(blocks + fresh_pages):
            return False
        self.queues[rank].popleft()
        self.waiting -= 1
        ledger = self.ledger
        slot = self.free_slots.pop()
        self.tenant[slot] = request
        self.running[rank][slot] = None
        parked = self.parked.get(request)
        if parked is None and not ledger.admitted_s[request]:
            ledger.admitted_s[request] = self.now_s
        produced, on_host = parked or NEW
        tokens = ledger.prompt[request] + produced
        cached = 0 if ledger.cached is None else ledger.cached[request]
        if self.cache is not None and ledger.pages is not None:
            pages = ledger.pages[request]
            cached = min(max(self.cache.hit_blocks(pages) * self.blocks.block, cached), tokens - 1)
            self.cache.acquire(pages)
            self.shared[slot] = self.cache.held_blocks(pages) * self.blocks.block
        self.held[slot] = blocks
        self.held_blocks += blocks
        if on_host:
            self.extra_s += self.swap_s * tokens
        if on_host or (ledger.handed_over and parked is None):
            self._join(slot, request, produced)
            return True
        self.left[slot] = tokens - cached
        self.prefilled[slot] = cached
        self.ranks.line_up(self, slot, cached)
        self.prefilling.append(slot)
        return True

    def _demand(self, request: int) -> tuple[int, int]:
        """KV blocks of its own that a request reserves, and those of pages that it brings into use."""
        ledger, block = self.ledger, self.blocks.block
        produced = self.parked.get(request, NEW)[0]
        tokens = ledger.prompt[request] + max(produced + 1, self.policy.growth_tokens)
        if self.cache is None or ledger.pages is None:
            return min(-(-tokens // block), self.capacity), 0
        pages = ledger.pages[request]
        shared = self.cache.held_blocks(pages)
        return min(-(-tokens // block), self.capacity) - shared, self.cache.new_blocks(pages)

    def _fits(self, blocks: int) -> bool:
        """Whether so many blocks are free beside the watermark."""
        if len(self.free_slots) == self.times.max_sequences:
            return True  # alone it always fits, or the run would have refused it at the start
        return blocks + self.reserve + self.used_blocks() <= self.capacity

    def _emit(self, slot: int) -> None:
        """The step that completes a prompt also gives a token: the first, or the next of a recomputed sequence."""
        request, ledger = self.tenant[slot], self.ledger
        produced = self.parked.pop(request)[0] + 1 if request in self.parked else 1
        if produced == 1 and not ledger.first_s[request]:  # else a replica that failed had given it already
            ledger.first_s[request] = self.now_s
        if produced == ledger.thinking[request] + 1:
            ledger.answer_step[request] = self.step
        if produced >= ledger.output[request]:
            self._finish(slot, request)
        else:
            self._join(slot, request, produced)

    def _join(self, slot: int, request: int, produced: int) -> None:
        """Begin to decode, with so many tokens produced."""
        ledger, step = self.ledger, self.step
        context = ledger.prompt[request] + produced
        self.offset[slot] = context - step
        if produced >= self.policy.growth_tokens:
            self._grow(slot)
        self.decoding += 1
        self.context += context
        thinking = ledger.thinking[request]
        if produced <= thinking:
            ledger.answer_step[request] = step + thinking + 1 - produced
        self._expect(slot, request, produced)

    def _grow(self, slot: int) -> None:
        """Hold KV blocks as they fill from here on, the reservation being used up."""
        self.held_blocks -= self.held[slot]
        self.held[slot] = 0
        self.blocks.add(self.offset[slot] - self.shared[slot])

    def _expect(self, slot: int, request: int, produced: int) -> None:
        """Note the step at which the sequence ends, reaches a checkpoint, has used up its reservation or, where its
        prompt was read elsewhere, has its first token."""
        steps = self.ledger.output[request] - produced if produced else 1
        checkpoint = self.policy.checkpoint_tokens
        if checkpoint is not None:
            steps = min(steps, checkpoint - produced % checkpoint)
        if self.held[slot]:
            steps = min(steps, self.policy.growth_tokens - produced)
        self.stop_key[slot] = key = ((self.step + steps) << SLOT_BITS) | slot
        heappush(self.stops, key)

    def _leave(self, slot: int) -> None:
        """Stop decoding."""
        offset = self.offset[slot]
        if not self.held[slot]:
            self.blocks.remove(offset - self.shared[slot])
        self.decoding -= 1
        self.context -= offset + self.step
        self.stop_key[slot] = -1

    def _vacate(self, slot: int, request: int) -> None:
        ranks = self.ledger.ranks
        del self.running[0 if ranks is None else ranks[request]][slot]
        self.held_blocks -= self.held[slot]
        self.held[slot] = 0
        self.free_slots.append(slot)
        if self.cache is not None and self.ledger.pages is not None:
            self.cache.release(self.ledger.pages[request])
            self.shared[slot] = 0

    def _finish(self, slot: int, request: int) -> None:
        self._vacate(slot, request)
        ledger, now_s = self.ledger, self.now_s
        ledger.done_s[request] = now_s
        self.present_s += self.present * (now_s - self.mark_s)
        self.mark_s = now_s
        self.present -= 1
        ledger.outstanding[self.number] -= 1 if ledger.weights is None else ledger.weights[request]
        if self.cache is not None and request in ledger.leaves:
            self.cache.keep(ledger.leaves[request])
        if ledger.finished is not None:
            ledger.finished(request, now_s)

    def _park(self, slot: int, request: int, rank: int, produced: int) -> None:
        """Take a sequence off the batch; its KV goes to the host or is recomputed later."""
        on_host = self.policy.preemption is Preemption.SWAP and produced > 0
        if on_host:
            self.extra_s += self.swap_s * (self.ledger.prompt[request] + produced)
        self.parked[request] = (produced, on_host)
        self.waiting += 1
        self._vacate(slot, request)

    def _preempt(self) -> None:
        """Send the latest admitted of the lowest rank back to the head of its queue."""
        rank = len(self.running) - 1
        while not self.running[rank]:
            rank -= 1
        slot = next(reversed(self.running[rank]))
        request = self.tenant[slot]
        if self.stop_key[slot] >= 0:
            produced = self.offset[slot] + self.step - self.ledger.prompt[request]
            self._leave(slot)
            self.stale += 1
        else:
            produced = self.parked.get(request, NEW)[0]
            self.prefilling.remove(slot)
        self.preempted += 1
        self.ledger.preemptions[request] = self.ledger.preemptions.get(request, 0) + 1
        self._park(slot, request, rank, produced)
        self.queues[rank].appendleft(request)

    def _make_way(self) -> None:
        """Preempt lower ranks while the next request finds no seat or no KV, and the step has budget for it."""
        most, left = self.times.max_prompt_tokens, self.left
        budget = self.times.max_batched_tokens - self.decoding - sum(min(left[slot], most) for slot in self.prefilling)
        rank = next(rank for rank, queue in enumerate(self.queues) if queue)
        request = self.queues[rank][0]
        while budget > 0 and any(self.running[rank + 1 :]):
            if self.free_slots and self._fits(sum(self._demand(request))):
                return
            self._preempt()
