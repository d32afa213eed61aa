-- Jobs: what the steps that change them have in common.
local attemptsKept = 40
-- Of budgets.lua.
local release, charge, setAside, reserve, estimateOfRest, dateOf

-- Waiting jobs stand in lanes: one for each list of models, and one for each list in each batch, so that a batch can be
-- held as a whole.
local function laneOf(models, batch) return batch and batch ~= '' and models .. '|' .. batch or models end
local function batchOf(lane) return string.match(lane, '|(.*)$') end
local function pendingKey(tenant, lane) return P .. 'pend:' .. tenant .. ':' .. lane end
local function batchKey(batch, part) return P .. 'batch' .. (part and '-' .. part or '') .. ':' .. batch end
local function isTerminal(status)
  return status == 'succeeded' or status == 'failed' or status == 'canceled' or status == 'expired'
end

local function count(job, tenant, batch, field, by)
  redis.call('HINCRBY', P .. 'tenant:' .. tenant, field, by)
  redis.call('HINCRBY', P .. 'totals', field, by)
  -- A batch's record may be removed before an item that was tried again has ended.
  if batch and batch ~= '' and redis.call('EXISTS', batchKey(batch)) == 1 then
    redis.call('HINCRBY', batchKey(batch), field, by)
  end
end

-- The one place where a status changes: record, index and counters move together, so they always add up.
local function move(id, tenant, batch, from, to)
  redis.call('HSET', jobKey(id), 'status', to)
  redis.call('ZREM', P .. 'index:' .. tenant .. ':' .. from, id)
  redis.call('ZADD', P .. 'index:' .. tenant .. ':' .. to, 0, id)
  count(id, tenant, batch, from, -1)
  count(id, tenant, batch, to, 1)
end

-- Gives a lane its turns. A tenant that comes back starts where the fair clock stands, never behind it: idling
-- earns no credit.
local function openLane(tenant, lane)
  redis.call('SADD', P .. 'lanes:' .. tenant, lane)
  if not redis.call('ZSCORE', P .. 'ring', tenant) then
    local finished = tonumber(redis.call('HGET', P .. 'tenant:' .. tenant, 'finish') or '0')
    local fair = tonumber(redis.call('GET', P .. 'fair-clock') or '0')
    redis.call('ZADD', P .. 'ring', math.max(finished, fair), tenant)
  end
end

-- What a submission with this idempotency key came to before; nil when it is the first, or has no key.
local function firstWith(tenant, idem, fingerprint)
  local first = idem ~= '' and redis.call('GET', P .. 'idem:' .. tenant .. ':' .. idem)
  if not first then return nil end
  local known, job, position, eta, blocked = string.match(first, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)$')
  if known ~= fingerprint then return { 'mismatch' } end
  return { 'replayed', job, position, eta, blocked }
end

-- Whether a batch's jobs have to wait: it is paused, being canceled, or has as many out as it may.
local function isHeld(batch)
  local b = redis.call('HMGET', batchKey(batch), 'state', 'cancel', 'parallel', 'out')
  if not b[1] then return false end
  return b[1] == 'paused' or b[2] or (b[3] and tonumber(b[4] or '0') >= tonumber(b[3]))
end

local function holdLanes(batch, tenant)
  local lanes = redis.call('SMEMBERS', batchKey(batch, 'lanes'))
  if #lanes > 0 then redis.call('SREM', P .. 'lanes:' .. tenant, unpack(lanes)) end
end

local function openLanes(batch, tenant)
  if isHeld(batch) then return end
  for _, lane in ipairs(redis.call('SMEMBERS', batchKey(batch, 'lanes'))) do
    if redis.call('EXISTS', pendingKey(tenant, lane)) == 1 then openLane(tenant, lane) end
  end
end

local function enqueue(id, tenant, models, batch, rank)
  local lane = laneOf(models, batch)
  redis.call('ZADD', pendingKey(tenant, lane), rank, id)
  -- Where others wait already, the lane and the turn are there.
  if redis.call('ZCARD', pendingKey(tenant, lane)) > 1 then return end
  if lane ~= models then
    redis.call('SADD', batchKey(batch, 'lanes'), lane)
    if isHeld(batch) then return end
  end
  openLane(tenant, lane)
end

local function unlease(id, tenant, batch)
  if redis.call('ZREM', P .. 'lease', id) == 0 then return end
  redis.call('ZREM', P .. 'starting:' .. redis.call('HGET', jobKey(id), 'model'), id)
  redis.call('HINCRBY', P .. 'tenant:' .. tenant, 'leased', -1)
  if not batch or batch == '' or redis.call('EXISTS', batchKey(batch)) == 0 then return end
  local out = redis.call('HINCRBY', batchKey(batch), 'out', -1)
  local parallel = redis.call('HGET', batchKey(batch), 'parallel')
  if parallel and out == tonumber(parallel) - 1 then openLanes(batch, tenant) end
end

local function unqueue(id, tenant, model, batch)
  local models = redis.call('HGET', jobKey(id), 'lane') or model
  redis.call('ZREM', pendingKey(tenant, laneOf(models, batch)), id)
  redis.call('ZREM', P .. 'later', id)
end

-- An item's number is part of its id: the digits after the version, and those after the variant.
local function indexOf(id) return tonumber(string.sub(id, 18, 20), 16) * 256 + tonumber(string.sub(id, 22, 23), 16) end

-- Items that have ended are a bit each, by status; those that have not are a set, which is never large.
local function mark(batch, index, status, bit) redis.call('SETBIT', batchKey(batch, status), index, bit) end

local notesKept = 250000

local function noteEvent(batch, event, kind, index)
  redis.call('XADD', batchKey(batch, 'events'), 'MAXLEN', '~', notesKept, '*', 'event', event, 'type', kind,
    'index', index)
end

local function emitBatch(batch, tenant, kind)
  local n = redis.call('HINCRBY', batchKey(batch), 'events', 1)
  noteEvent(batch, announce(tenant, kind, batch, n), kind, '')
end

local openItems = 2000
local progressMs = 1000
local paceMs = 10000

-- Has a worker look at the batch, now or when it is due.
local function wakeBatch(batch, due) redis.call('ZADD', P .. 'batch-work', 'LT', due or now, batch) end

local function endBatch(batch, tenant, status)
  local retentionMs = tonumber(redis.call('HGET', batchKey(batch), 'retention'))
  redis.call('HSET', batchKey(batch), 'state', status, 'completed', now, 'expires', now + retentionMs)
  release(batchKey(batch), tenant)
  redis.call('ZREM', P .. 'batch-work', batch)
  redis.call('ZREM', P .. 'batch-deadlines', batch)
  redis.call('ZADD', P .. 'batch-retention', now + retentionMs, batch)
  redis.call('HINCRBY', P .. 'tenant:' .. tenant, 'batches', -1)
  -- Freed beside: a hash of a hundred thousand photos is not freed in a moment.
  redis.call('UNLINK', batchKey(batch, 'lanes'), batchKey(batch, 'open'), batchKey(batch, 'urls'))
  emitBatch(batch, tenant, 'batch.' .. status)
end

-- What follows from items that have ended: progress, or the end of the batch.
local function followBatch(batch, tenant)
  local key = batchKey(batch)
  local b = redis.call('HMGET', key, 'state', 'total', 'succeeded', 'failed', 'canceled', 'expired', 'cancel', 'told',
    'told_at', 'pace_at', 'redo')
  if b[1] ~= 'running' and b[1] ~= 'paused' then return end
  local total, done = tonumber(b[2]), 0
  for i = 3, 6 do done = done + tonumber(b[i] or '0') end
  if done >= total then
    -- Others that failed are still to run again.
    if b[11] then return end
    return endBatch(batch, tenant, b[7] and tonumber(b[5] or '0') > 0 and 'canceled' or 'completed')
  end
  if now - tonumber(b[10] or '0') >= paceMs then
    local last = redis.call('HMGET', key, 'pace_at', 'pace_done')
    redis.call('HSET', key, 'before_at', last[1] or now, 'before_done', last[2] or done, 'pace_at', now, 'pace_done', done)
  end
  local percent = math.floor(100 * done / total)
  if percent > tonumber(b[8] or '0') and now - tonumber(b[9] or '0') >= progressMs then
    redis.call('HSET', key, 'told', percent, 'told_at', now)
    emitBatch(batch, tenant, 'batch.progress')
  end
end

-- Where half of the items that may be open have ended, more become jobs.
local function wantMore(batch)
  local b = redis.call('HMGET', batchKey(batch), 'cursor', 'total')
  if tonumber(b[1]) < tonumber(b[2]) and redis.call('SCARD', batchKey(batch, 'open')) <= openItems / 2 then
    wakeBatch(batch)
  end
end

local function endItem(id, tenant, batch, to, event)
  if not batch or batch == '' or redis.call('EXISTS', batchKey(batch)) == 0 then return end
  local index = indexOf(id)
  mark(batch, index, to, 1)
  redis.call('SREM', batchKey(batch, 'open'), id)
  noteEvent(batch, event, 'job.' .. to, index)
  followBatch(batch, tenant)
  wantMore(batch)
end

local function reopenBatch(batch, tenant)
  local b = redis.call('HMGET', batchKey(batch), 'state', 'removal')
  if b[2] or (b[1] ~= 'completed' and b[1] ~= 'canceled') then return end
  redis.call('HSET', batchKey(batch), 'state', 'running')
  redis.call('HDEL', batchKey(batch), 'completed', 'expires', 'cancel', 'told', 'pace_at', 'before_at')
  redis.call('HINCRBY', P .. 'tenant:' .. tenant, 'batches', 1)
  redis.call('ZREM', P .. 'batch-retention', batch)
end

-- Ends the items that are no jobs yet, all in one step: what they are is known from where they start.
local function cutBatch(batch, tenant, status)
  local b = redis.call('HMGET', batchKey(batch), 'cursor', 'total')
  local rest = tonumber(b[2]) - tonumber(b[1])
  release(batchKey(batch), tenant)
  if rest > 0 then
    redis.call('HSET', batchKey(batch), 'cut', b[1], 'cut_as', status, 'cursor', b[2])
    redis.call('HINCRBY', batchKey(batch), 'queued', -rest)
    redis.call('HINCRBY', batchKey(batch), status, rest)
  end
  followBatch(batch, tenant)
end

-- An item that had ended is to run again, and with it its batch.
local function reopenItem(id, tenant, batch, from)
  if not batch or batch == '' or redis.call('EXISTS', batchKey(batch)) == 0 then return end
  mark(batch, indexOf(id), from, 0)
  redis.call('SADD', batchKey(batch, 'open'), id)
  reopenBatch(batch, tenant)
  -- One that is tried again while all are being canceled is canceled with them.
  if redis.call('HGET', batchKey(batch), 'cancel') then wakeBatch(batch) end
end

-- Runs a job that has ended again; what it has made already stays.
local function runAgain(id, tenant, model, batch, from)
  local job = jobKey(id)
  local r = redis.call('HMGET', job, 'rank', 'deadline_seconds', 'plan')
  redis.call('HDEL', job, 'error', 'shortfall', 'abandoned', 'started', 'completed', 'expires', 'tries', 'deaths',
    'not_before', 'blocked', 'gone', 'ran')
  reserve(job, tenant, redis.call('HGET', job, 'key'), estimateOfRest(job))
  redis.call('HINCRBY', job, 'run', 1)
  redis.call('ZREM', P .. 'retention', id)
  if r[2] then
    local deadline = now + tonumber(r[2]) * 1000
    redis.call('HSET', job, 'deadline', deadline)
    redis.call('ZADD', P .. 'deadlines', deadline, id)
  end
  reopenItem(id, tenant, batch, from)
  move(id, tenant, batch, from, 'queued')
  -- Every model that was named gets its chance again.
  local models = r[3] or model
  if r[3] then redis.call('HSET', job, 'model', modelOf(models), 'lane', models) end
  enqueue(id, tenant, models, batch, r[1])
  emit(id, tenant, 'job.queued')
end

-- Adds to a row of the tenant's usage of today.
local function useUp(tenant, model, key, field, by)
  local month, day = dateOf(now)
  local usage = P .. 'usage:' .. tenant .. ':' .. month .. '-' .. day
  redis.call('HINCRBY', usage, model .. '|' .. key .. '|' .. field, by)
  redis.call('PEXPIRE', usage, 34560000000)
end

local function finish(id, tenant, model, batch, from, to, retentionMs, extra)
  unqueue(id, tenant, model, batch)
  unlease(id, tenant, batch)
  release(jobKey(id), tenant)
  if to == 'failed' then useUp(tenant, model, redis.call('HGET', jobKey(id), 'key'), 'failures', 1) end
  redis.call('ZREM', P .. 'deadlines', id)
  move(id, tenant, batch, from, to)
  redis.call('HSET', jobKey(id), 'completed', now, 'expires', now + retentionMs, 'cancel', '0')
  redis.call('ZADD', P .. 'retention', now + retentionMs, id)
  redis.call('HINCRBY', P .. 'totals', 'ended:' .. to, 1)
  endItem(id, tenant, batch, to, emit(id, tenant, 'job.' .. to, extra))
end

-- Answers when the attempt was begun, if one was open.
local function closeAttempt(id, outcome, upstreamStatus, charged)
  local n = redis.call('HGET', jobKey(id), 'attempts')
  if not n or n == '0' then return end
  local field = 'a:' .. n
  local open = redis.call('HGET', jobKey(id), field)
  if not open then return end
  redis.call('HSET', jobKey(id), field, open .. '|' .. now .. '|' .. outcome .. '|' .. upstreamStatus .. '|' .. charged)
  return tonumber(string.match(open, '|(%d+)$'))
end

-- What a tenant used, whether the job is still there or not.
local function bill(tenant, model, key, calls, images, input, output, cost)
  if calls == 0 and images == 0 then return end
  local use = { calls = calls, images = images, input = input, output = output }
  for field, by in pairs(use) do useUp(tenant, model, key, field, by) end
  if cost == '' then
    useUp(tenant, model, key, 'unpriced', calls)
  else
    useUp(tenant, model, key, 'cost', string.format('%.0f', cost))
    charge(tenant, key, tonumber(cost))
  end
end

local function spend(id, tenant, model, key, calls, images, input, output, cost)
  if calls == 0 and images == 0 then return end
  local job = jobKey(id)
  redis.call('HINCRBY', job, 'calls', calls)
  redis.call('HINCRBY', job, 'input', input)
  redis.call('HINCRBY', job, 'output', output)
  if cost == '' then
    redis.call('HSET', job, 'unpriced', '1')
  else
    redis.call('HINCRBY', job, 'cost', string.format('%.0f', cost))
    release(jobKey(id), tenant, tonumber(cost))
  end
  bill(tenant, model, key, calls, images, input, output, cost)
  local batch = redis.call('HGET', job, 'batch')
  if not batch or redis.call('EXISTS', batchKey(batch)) == 0 then return end
  if cost == '' then
    redis.call('HSET', batchKey(batch), 'unpriced', '1')
  else
    redis.call('HINCRBY', batchKey(batch), 'cost', string.format('%.0f', cost))
  end
end

-- Right after an outage of Redis, or of every worker, nobody can be taken for dead.
local function isRecovering(silenceMs)
  local heard = tonumber(redis.call('GET', P .. 'heard') or now)
  return now - heard > silenceMs or redis.call('EXISTS', P .. 'recovering') == 1
end

-- Writes a new job with the fields ARGV[first] to ARGV[last], which are `record` too, and puts it in line. The first
-- event goes in with the record: this is the step that every caller waits for.
local function enter(id, record, first, last)
  local event = eventOf(id, 1)
  local aside = setAside(record.tenant, record.key, tonumber(record.estimate))
  redis.call('HSET', jobKey(id), 'status', 'queued', 'e:1', eventLine(event, 'job.queued'), 'events', '1',
    aside and 'reserved' or 'events', aside or '1', unpack(ARGV, first, last))
  publish(event, 'job.queued', id, record.tenant)
  redis.call('ZADD', P .. 'index:' .. record.tenant, 0, id)
  redis.call('ZADD', P .. 'index:' .. record.tenant .. ':queued', 0, id)
  if record.hook then redis.call('HSET', P .. 'hooks:' .. record.tenant, 'own', '1') end
  if record.deadline then redis.call('ZADD', P .. 'deadlines', record.deadline, id) end
  local due = tonumber(record.not_before or '0')
  if due > now then
    redis.call('ZADD', P .. 'later', due, id)
  else
    enqueue(id, record.tenant, record.lane or record.model, record.batch, record.rank)
  end
end
