-- What the upstream takes, by account: a project and a model. `calls:<project>:<model>` has the calls of the last
-- window, some of them a moment ahead; `account:<project>:<model>` what was learned; `lane:<model>` the accounts.
-- A window is kept 1 % longer than it is, as some calls are longer on their way than others.
-- So far ahead jobs are handed over, and so long a handed over one is thought to be about to call.
local leadMs, startingMs = 400, 2000
local rememberMs = 7 * 86400000
-- So long it is told that a lane was full: longer than it takes to look again.
local toldMs = 2000
local firstParkMs, longestParkMs = 5000, 900000
-- Calls in a sixtieth of a window while its limit is not known, at first and at most.
local firstPace, highestPace = 4, 4096
local quota = {}

-- `written` is 'rpm|rpd|window ms', where nothing stands for what is not known.
local function accountOf(model, project, written)
  local rpm, rpd, windowMs = string.match(written, '^([%d.]*)|([%d.]*)|([%d.]+)')
  local name = project .. ':' .. model
  local a = { project = project, model = model, key = P .. 'account:' .. name, calls = P .. 'calls:' .. name,
    windowMs = tonumber(windowMs), rpd = tonumber(rpd) }
  local r = redis.call('HMGET', a.key, 'limit', 'told', 'told_until', 'raised', 'patience', 'closed', 'why', 'pace',
    'day_ends', 'day_calls', 'strikes', 'raised_from')
  a.limit, a.raised, a.raisedFrom, a.patience = tonumber(r[1]), tonumber(r[4] or 0), tonumber(r[12]), tonumber(r[5] or 1)
  a.closed, a.why, a.pace, a.strikes = tonumber(r[6] or 0), r[7], tonumber(r[8] or firstPace), tonumber(r[11] or 0)
  a.dayEnds, a.dayCalls = tonumber(r[9] or 0), tonumber(r[10] or 0)
  a.cap = tonumber(rpm)
  if r[2] and tonumber(r[3]) > now then a.cap = math.min(tonumber(r[2]), a.cap or math.huge) end
  a.span = a.windowMs + math.max(50, a.windowMs * 0.01)
  redis.call('ZREMRANGEBYSCORE', a.calls, '-inf', now - a.windowMs * 1.25)
  a.made = redis.call('ZCOUNT', a.calls, '(' .. now - a.span, '+inf')
  return a
end

-- The calls of a window that are allowed just now; nil is not known. Where somebody wants to call, a limit below its cap
-- grows by quarters, one without a cap by tenths, and only after it has bound for a while.
local function limitOf(a)
  if not a.limit or quota.isRead then return a.limit or a.cap end
  if a.made >= a.limit * 0.9 and now - a.raised >= a.patience * a.windowMs then
    local share = a.cap and 4 or 10
    -- The last raise stands: the next ones come sooner.
    if a.raisedFrom then a.patience = math.max(1, a.patience / 2) end
    a.raisedFrom, a.limit, a.raised = a.limit, a.limit + math.max(1, math.floor(a.limit / share)), now
    redis.call('HSET', a.key, 'limit', a.limit, 'raised', now, 'raised_from', a.raisedFrom, 'patience', a.patience)
  end
  if a.cap and a.limit >= a.cap then
    redis.call('HDEL', a.key, 'limit')
    a.limit = nil
    return a.cap
  end
  return a.limit
end

local function callAt(a, first)
  return tonumber(redis.call('ZRANGE', a.calls, first, first, 'WITHSCORES')[2])
end

-- The call that leaves the window after `skipped` others.
local function oldestAt(a, skipped)
  return tonumber(redis.call('ZRANGEBYSCORE', a.calls, '(' .. now - a.span, '+inf', 'WITHSCORES', 'LIMIT', skipped, 1)[2])
end

-- What is missing in a window is made up for a quarter faster than the limit allows: as calls that came together
-- leave it, the next ones are evened out.
local catchUp = 0.8

-- When the next call may go, and the time from there to the one after it. Where more is waiting than a window takes
-- (`crowded`), half of it goes at once and the rest is spread until those calls leave it.
local function opening(a, crowded)
  if a.rpd and a.dayCalls >= a.rpd and a.dayEnds > now then return a.dayEnds, 0, 'upstream_rpd' end
  local at, gap, limit = now, 0, limitOf(a)
  if not limit then
    gap = a.windowMs / 60 / a.pace
    at = (callAt(a, -1) or 0) + gap
  elseif a.made >= limit then
    gap = a.span / limit
    at = oldestAt(a, a.made - limit) + a.span
  elseif crowded and a.made >= math.max(1, math.floor(limit / 2)) then
    local last = callAt(a, -1)
    gap = math.max((oldestAt(a, 0) + a.span - last) / (limit - a.made + 1), a.span / limit * catchUp)
    at = last + gap
  end
  if a.closed > at then return a.closed, gap, a.why end
  return math.max(at, now), gap, 'upstream_rpm'
end

-- How many calls may go now or within the lead.
local function roomOf(a, crowded)
  local at, gap, why = opening(a, crowded)
  if at > now + leadMs then return 0, at, why end
  if a.strikes > 0 then return 1, at, why end
  local limit = a.limit or a.cap
  local room = math.floor((now + leadMs - at) / math.max(gap, 0.1)) + 1
  if not limit then return room, at, why end
  if gap == 0 then room = (crowded and math.max(1, math.floor(limit / 2)) or limit) - a.made end
  return math.min(room, math.max(1, limit - a.made)), at, why
end

local function laneOf(model)
  local fields = redis.call('HGETALL', P .. 'lane:' .. model)
  local lane = { accounts = {}, crowded = 0 }
  for i = 1, #fields, 2 do
    local project = string.match(fields[i], '^p:(.*)$')
    if fields[i] == 'crowded' then lane.crowded = tonumber(fields[i + 1]) end
    if project then
      if tonumber(string.match(fields[i + 1], '%d+$')) < now then
        redis.call('HDEL', P .. 'lane:' .. model, fields[i])
      else
        lane.accounts[#lane.accounts + 1] = accountOf(model, project, fields[i + 1])
      end
    end
  end
  return lane
end

local function roomIn(lane, crowded)
  local room, soonest, why = 0, math.huge, nil
  for _, a in ipairs(lane.accounts) do
    lane.isLimited = lane.isLimited or a.limit or a.cap
    local more, at, reason = roomOf(a, crowded)
    room = room + more
    if at < soonest then soonest, why = at, reason end
  end
  return room, soonest, why
end

-- Looks whether a job of a model may be handed over, and remembers how many. Answers nothing when one may, or when
-- and why not; a model without accounts has no limit. `quota.asked` is where the jobs
-- wait that are asked for; without it nothing is written.
local rooms = {}
function quota.look(model)
  local lane = laneOf(model)
  if #lane.accounts == 0 then return end
  local starting = redis.call('ZCOUNT', P .. 'starting:' .. model, now - startingMs, '+inf')
  local demand = quota.asked and redis.call('ZCARD', quota.asked) + redis.call('ZCARD', P .. 'ring') - 1 or 0
  local crowded = lane.crowded > now
  local room, at, why = roomIn(lane, crowded)
  if lane.isLimited and demand > room - starting then
    if not crowded then room, at, why = roomIn(lane, true) end
    redis.call('HSET', P .. 'lane:' .. model, 'crowded', now + lane.accounts[1].windowMs)
  end
  rooms[model] = room - starting
  if rooms[model] > 0 then return end
  at = math.max(at, now + 1)
  if quota.asked then redis.call('HSET', P .. 'lane:' .. model, 'full', math.max(at, now + toldMs)) end
  return at, room == 0 and why or 'upstream_rpm'
end

-- Whether jobs of a model wait for its quota, as told: not only in the moments in which there is no call.
function quota.isFull(model) return tonumber(redis.call('HGET', P .. 'lane:' .. model, 'full') or 0) > now end

-- What each of a model's accounts will take: when its next call may go, how many may go then where more is waiting than
-- a window takes, those that may go otherwise, calls a window or '', ms of a window, and calls left today and a day, or ''.
function quota.outlook(model)
  local lane, rows = laneOf(model), {}
  for _, a in ipairs(lane.accounts) do
    local at, limit = opening(a, true), a.limit or a.cap
    local ready, free = 1, 1
    if limit then
      free = math.max(1, limit - a.made)
      ready = math.max(1, math.floor(limit / 2) - a.made)
      if lane.crowded > now then free = ready end
    end
    local today = a.rpd and math.max(0, a.rpd - (a.dayEnds > now and a.dayCalls or 0)) or ''
    rows[#rows + 1] = { string.format('%.0f', at), ready, free, limit or '', tostring(a.span), today, a.rpd or '' }
  end
  return rows
end

-- A job was handed over that is about to call. Answers whether it is the last one that may be.
function quota.start(model, id)
  local starting = P .. 'starting:' .. model
  redis.call('ZREMRANGEBYSCORE', starting, '-inf', now - startingMs)
  redis.call('ZADD', starting, now, id)
  if not rooms[model] then return false end
  rooms[model] = rooms[model] - 1
  return rooms[model] <= 0
end

-- Writes down which accounts a model has; those that nobody speaks of any more are forgotten after a minute.
function quota.offer(model, accounts, untilMs)
  for _, account in ipairs(accounts) do
    local project, limits = string.match(account, '^([^|]+)|(.*)$')
    redis.call('HSET', P .. 'lane:' .. model, 'p:' .. project, string.format('%s|%.0f', limits, untilMs))
  end
  redis.call('SADD', P .. 'quota-models', model)
  redis.call('PEXPIRE', P .. 'lane:' .. model, rememberMs)
end

-- A model rests no longer for the sake of its accounts.
function quota.wake(model)
  local why = string.match(redis.call('HGET', P .. 'rest', model) or '', '|(.*)$')
  if why == 'upstream_rpd' or why == 'upstream_quota' or why == 'upstream_auth' or why == 'upstream_billing' then
    redis.call('HDEL', P .. 'rest', model)
  end
end

-- Whether an account rests for another reason than the pace of its calls.
local function isParked(a) return a.why and a.why ~= 'upstream_rpm' and (a.closed > now or a.strikes > 0) end

-- What is known of a model's accounts: project, calls in the window, limit or '', ms of the window, calls today, until
-- when it takes no calls, and why.
function quota.accounts(model)
  local rows = {}
  for _, a in ipairs(laneOf(model).accounts) do
    local today = a.dayEnds > now and a.dayCalls or 0
    local closed, why = a.closed, a.why
    if a.rpd and today >= a.rpd and a.dayEnds > closed then closed, why = a.dayEnds, 'upstream_rpd' end
    rows[#rows + 1] = { a.project, a.made, a.limit or a.cap or '', a.windowMs, today, closed > now and tostring(closed) or '',
      why or '' }
  end
  return rows
end

-- Frees the parked accounts of a model, or one of them; answers how many there were.
function quota.resume(model, project)
  local resumed = 0
  for _, a in ipairs(laneOf(model).accounts) do
    if (project == '' or project == a.project) and isParked(a) then
      quota.free(a)
      resumed = resumed + 1
    end
  end
  return resumed
end
