-- Takes one report on one breaker, and answers it: as `decide` in decide.rs, step by step. A test holds them together.
--
-- KEYS: the ages of votes, the votes, the record.
-- ARGV: 1 instance, 2 its vote, 3 the verdict it knows, 4 whether it would probe, 5 its probe,
--       6 quorum, 7 min_failures, 8 failure_rate (both in thousandths), 9 probe_every, 10 probe_lease (both in ms),
--       11 the channel, 12 the breaker's name.
-- Returns the time, whether it is down, the verdict's number, the token of its lease or 0, how many votes there are.
--
-- All reads come before the first write, so that a server that refuses writes refuses all of them. One that is full does so only
-- if the first one needs memory: after one that deletes, it takes the others too.

local EV, VS, REC = KEYS[1], KEYS[2], KEYS[3]
local VOTE_LIFE, FORGOTTEN_AFTER, DROPPED_AT_ONCE, TTL = 10000, 15000, 16, 60

local instance, vote, known, demand = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local probe, presented = string.sub(ARGV[5], 1, 1), tonumber(string.sub(ARGV[5], 2))
local quorum, min_failures, rate = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local every, lease = tonumber(ARGV[9]), tonumber(ARGV[10])
local field = 'v:' .. instance

local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Lua's own text of a large number is rounded, and of -0 it is no integer.
local function int(number)
  return string.format('%.0f', number + 0)
end

local function number(stored)
  return tonumber(stored or 0) or 0
end

-- The votes, and their sums: votes, calls, failures, failing votes, standing votes.

local sums = call('HMGET', VS, '#n', '#c', '#f', '#b', '#o', field)
local n, c, f, b, o = number(sums[1]), number(sums[2]), number(sums[3]), number(sums[4]), number(sums[5])
local mine = sums[6]
local delete = n ~= call('ZCARD', EV) -- one of the two keys was evicted

local function clear()
  delete = true
  n, c, f, b, o, mine = 0, 0, 0, 0, 0, false
end

-- Adds a vote to the sums, or takes it away again. Returns whether it names a failure, and whether it is standing.
local function count(stored, sign)
  local calls, failures, standing = string.match(stored or '', '^(%d+):(%d+):([01])$')
  if not calls then
    return clear() -- not of ours
  end
  calls, failures, standing = tonumber(calls), tonumber(failures), standing == '1'
  n, c, f = n + sign, c + sign * calls, f + sign * failures
  if standing then
    o = o + sign
  elseif failures > 0 and failures * 2 >= calls then
    b = b + sign
  end
  return standing or failures > 0, standing
end

local old = {}
if delete then
  clear()
elseif n > 0 then
  old = call('ZRANGEBYSCORE', EV, '-inf', '(' .. int(now - VOTE_LIFE), 'LIMIT', 0, DROPPED_AT_ONCE)
  if #old < DROPPED_AT_ONCE then
    local after = '(' .. int(now + VOTE_LIFE)
    for _, name in ipairs(call('ZRANGEBYSCORE', EV, after, '+inf', 'LIMIT', 0, DROPPED_AT_ONCE - #old)) do
      old[#old + 1] = name
    end
  end
end
local old_fields = {}
if #old > 0 then
  for i, name in ipairs(old) do
    old_fields[i] = 'v:' .. name
  end
  for i, stored in ipairs(call('HMGET', VS, unpack(old_fields))) do
    if not delete then
      count(stored, -1)
    end
    if old[i] == instance then
      mine = false
    end
  end
end

-- The record. The clock may have stepped back.

local rec = call('HMGET', REC, 'v', 'seq', 'next', 'seen', 'tok', 'lid', 'lend', 'lastbad')
local down, seq, next_probe, seen, token = rec[1] == '1', number(rec[2]), number(rec[3]), number(rec[4]), number(rec[5])
local holder, ends, failed_last = rec[6], number(rec[7]), rec[8]
local was_down, was_seq = down, seq

next_probe = math.min(next_probe, now + every)
seen = math.min(seen, now)
if holder and ends > now + math.max(lease, VOTE_LIFE) then
  holder = false
end

local function turn(to)
  down, holder = to, false
  seq = math.max(now, seq + 1)
  if known <= 2 ^ 52 then
    seq = math.max(seq, known + 1)
  end
end

if holder == instance and presented == token then
  if probe == 's' then
    holder = false
    if down then
      turn(false)
      clear()
    end
  elseif probe == 'f' then
    holder, failed_last, seen = false, instance, now
  elseif probe == 'r' then
    ends, seen = now + lease, now
  end
end

-- Its vote. A standing one from before the fleet was found up is of no use.

if vote == '0:0:1' and not down and known < seq then
  vote = ''
end
local had = mine
if mine then
  count(mine, -1)
end
local has_failures, standing = false, false
if vote ~= '' then
  has_failures, standing = count(vote, 1)
end

-- The verdict.

-- Whether f / c >= rate, in thousandths, and exactly: the products may be above 2^53.
local function rate_is_reached()
  local half = 2 ^ 26
  local high = math.floor(f / half) * 1000 - rate * math.floor(c / half)
  return high * half + (f % half * 1000 - rate * (c % half)) >= 0
end

if down then
  if has_failures and not standing then
    seen = now
  elseif now - seen > FORGOTTEN_AFTER then
    turn(false)
    clear()
    vote = ''
  end
elseif has_failures then
  local failing = b >= quorum and f >= min_failures and rate_is_reached()
  if failing or (o >= quorum and o * 2 >= n) then
    turn(true)
    next_probe, seen, failed_last = now + every, now, false
  end
end

-- The lease.

local live = holder and ends > now
local holds = live and holder == instance
local renews = holds and probe == 'r' and presented == token
local due = next_probe
if failed_last == instance then
  due = due + every
end
local given = down and demand and (holds or not live) and not renews and now >= due
if given then
  token = math.max(now, token + 1)
  holder, ends, next_probe, seen = instance, now + lease, now + every, now
end

-- Writes.

if delete or n == 0 then
  call('DEL', EV, VS)
elseif #old > 0 then
  call('ZREM', EV, unpack(old))
  call('HDEL', VS, unpack(old_fields))
end
if vote ~= '' then
  call('ZADD', EV, int(now), instance)
  call('HSET', VS, '#n', int(n), '#c', int(c), '#f', int(f), '#b', int(b), '#o', int(o), field, vote)
elseif n > 0 then
  if had then
    call('ZREM', EV, instance)
    call('HDEL', VS, field)
  end
  call('HSET', VS, '#n', int(n), '#c', int(c), '#f', int(f), '#b', int(b), '#o', int(o))
end
if n > 0 then
  call('EXPIRE', EV, TTL)
  call('EXPIRE', VS, TTL)
end

if down ~= was_down or seq ~= was_seq or next_probe ~= number(rec[3]) or seen ~= number(rec[4]) or token ~= number(rec[5])
  or holder ~= rec[6] or (holder and ends ~= number(rec[7])) or failed_last ~= rec[8] then
  call('DEL', REC)
  call('HSET', REC, 'v', down and '1' or '0', 'seq', int(seq), 'next', int(next_probe), 'seen', int(seen), 'tok', int(token))
  if holder then
    call('HSET', REC, 'lid', holder, 'lend', int(ends))
  end
  if failed_last then
    call('HSET', REC, 'lastbad', failed_last)
  end
  call('EXPIRE', REC, TTL)
elseif rec[1] then
  call('EXPIRE', REC, TTL)
end

if down ~= was_down or seq ~= was_seq then
  call('PUBLISH', ARGV[11], ARGV[12] .. ' ' .. (down and 1 or 0) .. ':' .. int(seq))
end

return { now, down and 1 or 0, seq, (given or (down and holds)) and token or 0, n }
