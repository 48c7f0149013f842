/*
 * The dispatch protocol of README.md as a Promela model: one campaign, N deliveries, two workers, one dispatcher, two users who pause,
 * resume and cancel at once, and an environment that crashes workers, loses and doubles messages, lets leases end too soon, passes deadlines,
 * ends sessions and lets a person retry what is UNKNOWN. `npm run protocol` checks it, and that each mutant and each fault outside of the promise breaks it
 * (MUTANT_… and FAULT_…, one at a time; scripts/protocol.mjs says what each of them must break).
 *
 * How PostgreSQL is modelled. One step (d_step) is what one statement does at one moment. A statement that may wait for a lock has two steps: its
 * snapshot, and what it does once it has the lock: a row that it waited for is looked at again as it is now, but what it
 * read of other rows stays as old as the snapshot. So begin reads the campaign in its snapshot and compares-and-sets the delivery as it is.
 * The campaign's row lock is `share` (a claim's FOR SHARE) and `rowx` (a resume that has updated and not committed);
 * its advisory lock is `held[w]` (shared, of a worker's session) and `excl` (a barrier's).
 *
 * How time is modelled: not at all. Every step may come at any moment, so a worker may be as slow as it likes; `late[w]` says that D
 * has passed since its lock was asked for, and only then may PostgreSQL end its session (K > D). Each fault has a budget, so that every run is
 * finite; `timeout` is true when nothing else can happen, and is where time goes by: leases end, and whoever paused resumes at last.
 *
 * Tokens. Claims and attempts are only ever compared for equality, so a number that nobody refers to any more is used again.
 */

#ifndef N
#define N 1 /* deliveries */
#endif
#define W 2       /* workers */
#define CLAIMS 3  /* claims that something refers to at one time */
#define BIT(d) (1 << (d))

/* Budgets: how often each may happen in one run, in any mixture. */
#ifndef ORDERS /* of users: pause, resume, cancel */
#define ORDERS 2
#endif
#ifndef FAULTS /* a worker dies or stops for ever; a message is lost or doubled; a lease ends, or a deadline passes, although its holder lives */
#define FAULTS 1
#endif
#ifndef REPEATS /* a send that fails, or ends ambiguously on a safe channel, is tried again; a person retries what is UNKNOWN */
#define REPEATS 1
#endif

#define PENDING 0
#define IN_PROGRESS 1
#define SENDING 2
#define SUCCESS 3
#define FAILED 4
#define CANCELLED 5
#define UNKNOWN 6

/* The campaign's row. */
bit paused, cancelled;
byte epoch;
bit share, rowx;
#define ROW_FREE (!share && !rowx)

/* The deliveries' rows. */
byte status[N], repoch[N], rclaim[N], attempt[N];
bit doubt[N];

/* The bus: how many copies of a claim's message are on it, and what the message says. */
byte copies[CLAIMS + 1], mepoch[CLAIMS + 1], mrows[CLAIMS + 1];

/* The campaign's advisory lock. */
bit held[W], excl;
#define LOCK_FREE (!excl && !held[0] && !held[1])

/* The workers. */
#define IDLE 0
#define TOOK 1
#define LOCKED 2
#define SNAPPED 3
#define BEGUN 4
#define STARTED 5
#define CHECKED 6
byte at[W], claim[W], todo[W], air[W], back[W], mine[W * N];
bit late[W], sawPaused[W], sawCancelled[W];
#ifdef MUTANT_EPOCH_BEFORE_CAS
byte sawEpoch[W];
#endif
#ifdef FAULT_FROZEN_BEFORE_WRITE
byte checked[W];
#endif
#define MINE(w, d) mine[(w) * N + (d)]

/* What only the checker knows. */
bit pauseAnswered, cancelAnswered, fault;
byte maybe[N]; /* sends that are not known to have failed */
byte asked[N]; /* times that a person retried it */

/* What is left of the budgets. */
byte orders = ORDERS, faults = FAULTS, repeats = REPEATS;
#if defined(FAULT_SESSION_LOST) || defined(FAULT_FAILOVER)
bit outage = 1;
#endif
#ifdef MUTANT_SWEPT_ONCE
byte swept[N];
#endif

/* A row that a transaction has changed and not committed; only the mutant that sends inside of begin's transaction has any. */
#ifdef MUTANT_BEGIN_OPEN_UNTIL_SENT
bit dirty[N];
#define FREE(d) (!dirty[d])
#else
#define FREE(d) true
#endif

#define ENDED(d) (status[d] == SUCCESS || status[d] == FAILED || status[d] == CANCELLED || status[d] == UNKNOWN)

/* ---------------------------------------------------------------- promises */

/* P1, P5 and P2, asked at the moment at which a send starts. */
inline start(w, d) {
  assert(!pauseAnswered /* P1: a send started although pause had answered */);
  assert(!cancelAnswered /* P5: a send started although cancel had answered */);
  maybe[d]++;
#ifndef SAFE
  assert(maybe[d] <= 1 + asked[d] /* P2: sent again although an earlier send is not known to have failed */);
#endif
  air[w] = air[w] | BIT(d);
}

/* ---------------------------------------------------------------- rule 1: claim */

#if N > 1
#define IN_PROGRESS_ROWS ((status[0] == IN_PROGRESS) + (status[1] == IN_PROGRESS) * 2)
#else
#define IN_PROGRESS_ROWS (status[0] == IN_PROGRESS)
#endif
#define USED(c) (copies[c] || claim[0] == c || claim[1] == c || rclaim[0] == c || rclaim[N - 1] == c)
#define IS_PENDING(d) (status[d] == PENDING && FREE(d))
#define ANY_PENDING (status[0] == PENDING || status[N - 1] == PENDING)

inline take(d) {
  status[d] = IN_PROGRESS;
  repoch[d] = seen;
  rclaim[d] = c;
  mrows[c] = mrows[c] | BIT(d)
}

#ifdef MUTANT_CLAIM_FROM_SNAPSHOT
#define MAY_SHARE true
#define SHARED 0
#else
#define MAY_SHARE (!rowx)
#define SHARED 1
#endif

proctype Dispatcher() {
  byte c, seen;
  do
  :: d_step { /* The campaign's row, FOR SHARE: as it is now, and until the claim has committed nobody changes it. */
       !paused && !cancelled && ANY_PENDING && (!USED(1) || !USED(2) || !USED(3)) && MAY_SHARE ->
       share = SHARED;
       seen = epoch;
       c = (!USED(1) -> 1 : (!USED(2) -> 2 : 3));
       mrows[c] = 0
     }
     atomic { /* The rows; commit; publish. To die between the last two is to lose the message. */
       if
       :: IS_PENDING(0) -> take(0)
#if N > 1
       :: IS_PENDING(1) -> take(1)
       :: IS_PENDING(0) && IS_PENDING(1) -> take(0); take(1)
#endif
       :: !IS_PENDING(0) && !IS_PENDING(N - 1)
       fi;
       if
       :: mrows[c] -> mepoch[c] = seen; copies[c] = 1
       :: else
       fi;
       share = 0; c = 0; seen = 0
     }
  od
}

/* ---------------------------------------------------------------- rules 2 to 6: lock, begin, send, settle */

/* In which order a worker locks, reads and begins. */
#if defined(MUTANT_LOCK_INSIDE_BEGIN)
#define TO_SNAPSHOT TOOK
#define TO_LOCK SNAPPED
#define TO_BEGIN LOCKED
#elif defined(MUTANT_LOCK_AFTER_BEGIN)
#define TO_SNAPSHOT TOOK
#define TO_BEGIN SNAPPED
#define TO_LOCK BEGUN
#else
#define TO_LOCK TOOK
#define TO_SNAPSHOT LOCKED
#define TO_BEGIN SNAPPED
#endif
#if defined(MUTANT_LOCK_AFTER_BEGIN)
#define TO_START LOCKED
#else
#define TO_START BEGUN
#endif

/* What begin's WHERE says of a delivery. */
#if defined(MUTANT_EPOCH_BEFORE_CAS)
#define MAY_BEGIN(w, d) (status[d] == IN_PROGRESS && sawEpoch[w] == mepoch[claim[w]])
#elif defined(MUTANT_BEGIN_BY_EPOCH)
#define MAY_BEGIN(w, d) (status[d] == IN_PROGRESS && repoch[d] == mepoch[claim[w]])
#else
#define MAY_BEGIN(w, d) (status[d] == IN_PROGRESS && repoch[d] == mepoch[claim[w]] && rclaim[d] == claim[w])
#endif

inline begin(w, d) {
  if
  :: (mrows[claim[w]] & BIT(d)) && MAY_BEGIN(w, d) && !sawPaused[w] && !sawCancelled[w] ->
     assert(rclaim[d] == claim[w] && repoch[d] == mepoch[claim[w]] /* P3: a message of another claim than the row's began it */);
#ifdef MUTANT_BEGIN_OPEN_UNTIL_SENT
     dirty[d] = 1;
#else
     status[d] = SENDING; rclaim[d] = 0;
#endif
     MINE(w, d) = (MINE(1 - w, d) == 1 -> 2 : 1);
     attempt[d] = MINE(w, d);
     todo[w] = todo[w] | BIT(d)
  :: else
  fi
}

/* The worker is done with its message; what nobody can read any more is forgotten, so that equal states look equal. */
inline letGo(w) {
  if
  :: !copies[claim[w]] && claim[1 - w] != claim[w] -> mrows[claim[w]] = 0; mepoch[claim[w]] = 0
  :: else
  fi;
  held[w] = 0; late[w] = 0; claim[w] = 0; at[w] = IDLE
}

/* Whose the row is, as settle's WHERE sees it. */
#define OPEN(d) (status[d] == SENDING || status[d] == UNKNOWN)
#if defined(MUTANT_SETTLE_BY_ID)
#define OWNS(w, d) OPEN(d)
#elif defined(MUTANT_SETTLE_BY_EPOCH)
#define OWNS(w, d) (OPEN(d) && repoch[d] == mepoch[claim[w]])
#elif defined(MUTANT_SETTLE_BY_CAMPAIGN_EPOCH)
#define OWNS(w, d) (OPEN(d) && attempt[d] == MINE(w, d) && epoch == mepoch[claim[w]])
#else
#define OWNS(w, d) (OPEN(d) && attempt[d] == MINE(w, d))
#endif

inline settle(w, d, outcome, inDoubt) {
  if
  :: OWNS(w, d) ->
     assert(attempt[d] == MINE(w, d) /* P3: another attempt than the one that began settled it */);
     status[d] = outcome;
     doubt[d] = doubt[d] || inDoubt;
     if
     :: !OPEN(d) -> attempt[d] = 0; repoch[d] = 0
     :: else
     fi
  :: else
  fi;
  MINE(w, d) = 0;
  air[w] = air[w] & ~BIT(d);
  back[w] = back[w] & ~BIT(d);
  if
  :: !air[w] && !back[w] -> letGo(w)
  :: else
  fi
}

/* An end that may or may not have been a send. */
#if defined(SAFE) && defined(MUTANT_AMBIGUOUS_WITHOUT_DOUBT)
#define AMBIGUOUS(d) AIRBORNE(d) && repeats -> repeats--; settle(me, d, PENDING, 0)
#elif defined(SAFE)
#define AMBIGUOUS(d) AIRBORNE(d) && repeats -> repeats--; settle(me, d, PENDING, 1)
#elif defined(MUTANT_AMBIGUOUS_RETRIED)
#define AMBIGUOUS(d) AIRBORNE(d) && repeats -> repeats--; settle(me, d, PENDING, 0)
#else
#define AMBIGUOUS(d) AIRBORNE(d) -> settle(me, d, UNKNOWN, 0)
#endif

#ifdef MUTANT_NO_DEADLINE
#define MAY_START true
#else
#define MAY_START (!late[me])
#endif

/* The last question and the write are one step, but for a process that is frozen between the two. */
#define TO_DO(d) (at[me] == TO_START && (todo[me] & BIT(d)))
#ifdef FAULT_FROZEN_BEFORE_WRITE
#define START(d) \
  :: d_step { TO_DO(d) && MAY_START && !checked[me] -> checked[me] = BIT(d) } \
  :: d_step { TO_DO(d) && checked[me] == BIT(d) -> checked[me] = 0; todo[me] = todo[me] & ~BIT(d); start(me, d) } \
  :: d_step { TO_DO(d) && !MAY_START && !checked[me] -> todo[me] = todo[me] & ~BIT(d); back[me] = back[me] | BIT(d) }
#else
#define START(d) \
  :: d_step { TO_DO(d) && MAY_START -> todo[me] = todo[me] & ~BIT(d); start(me, d) } \
  :: d_step { TO_DO(d) && !MAY_START -> todo[me] = todo[me] & ~BIT(d); back[me] = back[me] | BIT(d) }
#endif

#define AIRBORNE(d) at[me] == STARTED && (air[me] & BIT(d)) && FREE(d)
#define END(d) \
  :: d_step { AIRBORNE(d) -> settle(me, d, SUCCESS, 0) } \
  :: d_step { AIRBORNE(d) -> maybe[d]--; settle(me, d, FAILED, 0) } \
  :: d_step { AIRBORNE(d) && repeats -> repeats--; maybe[d]--; settle(me, d, PENDING, 0) } \
  :: d_step { AMBIGUOUS(d) } \
  :: d_step { at[me] == STARTED && (back[me] & BIT(d)) && FREE(d) -> settle(me, d, PENDING, 0) }

#define TAKE(c) \
  :: d_step { at[me] == IDLE && copies[c] -> copies[c]--; claim[me] = c; at[me] = TOOK } \
  :: d_step { at[me] == IDLE && copies[c] && faults -> faults--; claim[me] = c; at[me] = TOOK }

#ifdef MUTANT_BEGIN_OPEN_UNTIL_SENT
inline commitBegun(w, d) {
  if
  :: (air[w] | back[w]) & BIT(d) -> dirty[d] = 0; status[d] = SENDING; rclaim[d] = 0
  :: else
  fi
}
#endif

proctype Worker(byte me) {
  do
  TAKE(1)
  TAKE(2)
  TAKE(3)
  :: d_step { /* Rule 2: the lock, in a statement of its own. */
       at[me] == TO_LOCK && !excl ->
       held[me] = 1;
       at[me] = LOCKED
     }
  :: d_step { /* Begin's snapshot of the campaign. */
       at[me] == TO_SNAPSHOT ->
       sawPaused[me] = paused;
       sawCancelled[me] = cancelled;
#ifdef MUTANT_EPOCH_BEFORE_CAS
       sawEpoch[me] = epoch;
#endif
       at[me] = SNAPPED
     }
  :: d_step { /* Begin's compare-and-set of the deliveries; commit. */
       at[me] == TO_BEGIN && FREE(0) && FREE(N - 1) ->
       begin(me, 0);
#if N > 1
       begin(me, 1);
#endif
       sawPaused[me] = 0;
       sawCancelled[me] = 0;
       if
       :: todo[me] -> at[me] = BEGUN
       :: else -> letGo(me) /* Stale: dropped. */
       fi
     }
  START(0)
#if N > 1
  START(1)
#endif
  :: d_step { /* All have started, or will not. */
       at[me] == TO_START && !todo[me] ->
       held[me] = 0;
#ifdef MUTANT_BEGIN_OPEN_UNTIL_SENT
       commitBegun(me, 0);
#if N > 1
       commitBegun(me, 1);
#endif
#endif
       at[me] = STARTED
     }
  END(0)
#if N > 1
  END(1)
#endif
  od
}

/* ---------------------------------------------------------------- rules 8 to 10: pause, resume, cancel */

inline rewind(d) {
#ifdef MUTANT_RESUME_WITHOUT_REWIND
  skip
#else
  if
  :: (rows & BIT(d)) && status[d] == IN_PROGRESS && FREE(d) -> status[d] = PENDING; rclaim[d] = 0
  :: else
  fi
#endif
}

/* The lock taken exclusively, at once or after the holders' sessions were ended; or not in time: 503, and nothing is promised. */
#define BARRIER(answer) \
  if \
  :: d_step { LOCK_FREE -> excl = 1 }; d_step { answer; excl = 0 } \
  :: d_step { \
       held[0] || held[1] -> \
       late[0] = late[0] || held[0]; late[1] = late[1] || held[1]; \
       held[0] = 0; held[1] = 0 \
     }; \
     d_step { LOCK_FREE -> excl = 1 }; d_step { answer; excl = 0 } \
  :: skip \
  fi

#if defined(MUTANT_PAUSE_DOES_NOT_READ_AGAIN)
#define ANSWER_PAUSE pauseAnswered = 1
#else
#define ANSWER_PAUSE pauseAnswered = pauseAnswered || (paused && !cancelled)
#endif

proctype User() {
  byte rows;
again:
  do
  :: d_step { orders && ROW_FREE && !cancelled -> orders--; paused = 1 };
#ifdef MUTANT_PAUSE_WITHOUT_LOCK
     d_step { ANSWER_PAUSE }
#else
     BARRIER(ANSWER_PAUSE)
#endif
  :: d_step { orders && ROW_FREE -> orders--; cancelled = 1 };
#ifdef MUTANT_CANCEL_WITHOUT_LOCK
     d_step { cancelAnswered = cancelled }
#else
     BARRIER(cancelAnswered = cancelled)
#endif
#ifdef MUTANT_RESUME_IN_ONE_STATEMENT
  :: d_step { orders && paused -> orders--; rows = IN_PROGRESS_ROWS };
     if
     :: d_step { ROW_FREE && paused && !cancelled -> rowx = 1 }
     :: atomic { ROW_FREE && (!paused || cancelled) -> rows = 0; goto again }
     fi;
#else
  :: d_step { /* The campaign's row; then the snapshot of the statement that rewinds. */
       orders && ROW_FREE && paused && !cancelled ->
       orders--; rowx = 1;
       rows = IN_PROGRESS_ROWS
     };
#endif
     d_step { /* Commit. */
       paused = 0; epoch++; pauseAnswered = 0;
       rewind(0);
#if N > 1
       rewind(1);
#endif
       rows = 0; rowx = 0
     }
  od
}

/* ---------------------------------------------------------------- rule 7, the sweep of rule 10, a person, and what goes wrong */

#if defined(SAFE) || defined(MUTANT_RESCUE_RESENDS)
#define RESCUED PENDING
#else
#define RESCUED UNKNOWN
#endif

inline rescue(d) {
  if
  :: status[d] == SENDING -> status[d] = RESCUED; doubt[d] = 1
  :: else -> status[d] = PENDING; rclaim[d] = 0
  fi
}

inline sweep(d) {
  if
#ifndef MUTANT_CANCEL_BLIND_TO_DOUBT
  :: doubt[d] -> status[d] = UNKNOWN
#endif
  :: else -> assert(maybe[d] == 0 /* P5: CANCELLED although it may have been sent */); status[d] = CANCELLED
  fi;
  rclaim[d] = 0
}

#ifdef MUTANT_SWEPT_ONCE
#define TO_SWEEP(d) (!swept[d])
#define SWEPT(d) swept[d] = 1
#else
#define TO_SWEEP(d) (status[d] == PENDING || status[d] == IN_PROGRESS)
#define SWEPT(d) skip
#endif
#define IN_FLIGHT(d) (status[d] == IN_PROGRESS || status[d] == SENDING)

#ifdef MUTANT_RETRY_WITHOUT_DOUBT
#define ASKED(d) doubt[d] = 0
#else
#define ASKED(d) doubt[d] = 1
#endif

#define ROW(d) \
  :: d_step { faults && IN_FLIGHT(d) && FREE(d) -> faults--; rescue(d) } \
  :: d_step { repeats && status[d] == UNKNOWN -> repeats--; asked[d]++; ASKED(d); status[d] = PENDING } \
  :: d_step { cancelled && TO_SWEEP(d) && FREE(d) -> \
       if \
       :: status[d] == PENDING || status[d] == IN_PROGRESS -> sweep(d) \
       :: else \
       fi; \
       SWEPT(d) \
     }

#define MESSAGE(c) \
  :: d_step { faults && copies[c] -> faults--; fault = 1; copies[c]--; \
       if \
       :: !copies[c] && claim[0] != c && claim[1] != c -> mrows[c] = 0; mepoch[c] = 0 \
       :: else \
       fi \
     }

inline forget(w, d) {
#ifdef MUTANT_BEGIN_OPEN_UNTIL_SENT
  if
  :: at[w] != STARTED && ((todo[w] | air[w] | back[w]) & BIT(d)) -> dirty[d] = 0
  :: else
  fi;
#endif
  MINE(w, d) = 0
}

inline crash(w) {
  forget(w, 0);
#if N > 1
  forget(w, 1);
#endif
  todo[w] = 0; air[w] = 0; back[w] = 0;
  sawPaused[w] = 0; sawCancelled[w] = 0;
#ifdef MUTANT_EPOCH_BEFORE_CAS
  sawEpoch[w] = 0;
#endif
#ifdef FAULT_FROZEN_BEFORE_WRITE
  checked[w] = 0;
#endif
  letGo(w)
}

#define WORKER(w) \
  :: d_step { faults && at[w] != IDLE -> faults--; fault = 1; crash(w) } \
  :: d_step { faults && !late[w] && at[w] != IDLE && at[w] != STARTED -> faults--; late[w] = 1 } \
  :: d_step { late[w] && held[w] -> held[w] = 0 }

proctype World() {
  byte rows;
  do
  ROW(0)
#if N > 1
  ROW(1)
#endif
  MESSAGE(1)
  MESSAGE(2)
  MESSAGE(3)
  WORKER(0)
  WORKER(1)
#ifdef FAULT_SESSION_LOST
  :: d_step { outage && held[0] -> outage = 0; held[0] = 0 }
#endif
#ifdef FAULT_FAILOVER
  :: d_step { outage && status[0] == SENDING -> outage = 0; fault = 1; status[0] = IN_PROGRESS }
#endif
  :: d_step { /* From now on nobody asks for anything, and nothing goes wrong. */
       orders || faults || repeats ->
       orders = 0; faults = 0; repeats = 0
     }
  :: atomic { timeout -> /* Nothing more can happen: time goes by. */
       if
       :: paused && !cancelled ->
          paused = 0; epoch++; pauseAnswered = 0;
          rows = IN_PROGRESS_ROWS;
          rewind(0);
#if N > 1
          rewind(1);
#endif
          rows = 0
       :: else ->
          assert(fault || !(IN_FLIGHT(0) || IN_FLIGHT(N - 1)) /* P4: a delivery waits for its lease although nothing was lost and nobody died */);
          assert(IN_FLIGHT(0) || IN_FLIGHT(N - 1) || (ENDED(0) && ENDED(N - 1)) /* P4: a delivery never ends */);
          if
          :: IN_FLIGHT(0) -> rescue(0)
          :: !IN_FLIGHT(0) && IN_FLIGHT(N - 1) -> rescue(N - 1)
          :: else -> goto over
          fi
       fi
     }
  od;
over:
  assert(at[0] == IDLE && at[1] == IDLE && LOCK_FREE && ROW_FREE /* P4: somebody never comes to an end */)
}

init {
  atomic {
    run Worker(0);
    run Worker(1);
    run Dispatcher();
    run User();
    run User();
    run World()
  }
}
