-- Which models may be called. `rest` pauses a model until a time. `circuits` remembers overloads in a row; once
-- open, it lets one job at a time try the model when its rest is over, until one is answered.
-- A lane is a model, or `model>other,~successor`: models that take over in this order, those with ~ only from a
-- model that is gone. Jobs of a batch have lanes of their own, with `|batch` at the end.

local function restOf(model)
  local known = redis.call('HGET', P .. 'rest', model)
  if not known then return 0, '' end
  local untilMs, reason = string.match(known, '^(%d+)|(.*)$')
  return tonumber(untilMs), reason
end

-- A quota of a minute does not end the rest that a quota of a day has begun.
local function rest(model, untilMs, reason)
  if untilMs > restOf(model) then
    redis.call('HSET', P .. 'rest', model, string.format('%.0f|%s', untilMs, reason))
  end
end

-- Why jobs that have another model do not wait for this one.
local leavesFor = {
  upstream_rpd = 'has no quota left today',
  upstream_overloaded = 'is overloaded',
  upstream_auth = 'cannot be called with the configured key',
  upstream_billing = 'has no credit left',
  upstream_quota = 'has no quota',
  model_unavailable = 'is no longer served',
}

-- `overloads` in a row, the last one `at`; `opens`: pauses so far, 0 while it is closed; `trial`: who tries, as id.turn.
local function circuitOf(model)
  local known = redis.call('HGET', P .. 'circuits', model)
  if not known then return { overloads = 0, at = 0, opens = 0, reason = '', trial = '' } end
  local overloads, at, opens, reason, trial = string.match(known, '^(%d+)|(%d+)|(%d+)|([^|]*)|(.*)$')
  return { overloads = tonumber(overloads), at = tonumber(at), opens = tonumber(opens), reason = reason, trial = trial }
end

local function saveCircuit(model, c)
  redis.call('HSET', P .. 'circuits', model,
    string.format('%d|%.0f|%d|%s|%s', c.overloads, c.at, c.opens, c.reason, c.trial))
end

local function closeCircuit(model)
  if redis.call('HDEL', P .. 'circuits', model) == 0 then return end
  local _, reason = restOf(model)
  if reason == 'upstream_overloaded' or reason == 'model_unavailable' then redis.call('HDEL', P .. 'rest', model) end
end

local function openCircuit(model, c, reason, pauseMs)
  c.opens, c.reason, c.trial = c.opens + 1, reason, ''
  saveCircuit(model, c)
  rest(model, now + pauseMs, reason)
end

-- Whether that turn is still out: a trial that was canceled or removed is over, too.
local function isOut(trial)
  local id, turn = string.match(trial, '^(.+)%.(%d+)$')
  return id and redis.call('ZSCORE', P .. 'lease', id) and redis.call('HGET', jobKey(id), 'turn') == turn
end

-- free: may be called. trial: one job may try. wait: rests shortly, or the minute's quota is used. away: rests for long.
-- gone: not served any more.
local function standing(model, seen)
  if seen[model] then return seen[model] end
  local state = 'free'
  local untilMs, reason = restOf(model)
  if untilMs > now then
    state = reason == 'model_unavailable' and 'gone' or leavesFor[reason] and 'away' or 'wait'
  else
    if untilMs > 0 then redis.call('HDEL', P .. 'rest', model) end
    local circuit = circuitOf(model)
    if circuit.opens > 0 then state = isOut(circuit.trial) and 'away' or 'trial' end
    -- Who only reads is told what the last hand-over saw.
    local opensAt, why
    if not quota.isRead then opensAt, why = quota.look(model) end
    if opensAt and why == 'upstream_rpm' then state = 'wait' end
    if opensAt and why ~= 'upstream_rpm' then
      rest(model, opensAt, why)
      state = 'away'
    end
  end
  seen[model] = state
  return state
end

-- Whether a turn that is out may not call the model any more.
local function isClosedTo(model, turn)
  if restOf(model) > now then return true end
  local circuit = circuitOf(model)
  return circuit.opens > 0 and circuit.trial ~= turn
end

local function modelOf(lane) return string.match(lane, '^[^>|]+') end
local function isOpen(state) return state == 'free' or state == 'trial' end

-- The model that a lane's jobs would go to now; nil when they have to wait. Where every model is gone it is the
-- lane's own, so that a worker takes the job and ends it.
local function modelFor(lane, seen)
  local model = modelOf(lane)
  local state = standing(model, seen)
  if isOpen(state) then return model end
  if state == 'wait' then return nil end
  local isHopeless = state == 'gone'
  for mark, other in string.gmatch(string.match(lane, '>([^|]+)') or '', '(~?)([^,]+)') do
    if mark == '' or state == 'gone' then
      local others = standing(other, seen)
      if isOpen(others) then return other end
      isHopeless = isHopeless and others == 'gone'
    end
  end
  return isHopeless and model or nil
end

-- The models that are left of a lane once `model` has taken over.
local function laneFrom(lane, model)
  local passed, left = false, {}
  for mark, other in string.gmatch(string.match(lane, '>([^|]+)') or '', '(~?)([^,]+)') do
    if passed then left[#left + 1] = mark .. other end
    passed = passed or other == model
  end
  return #left > 0 and model .. '>' .. table.concat(left, ',') or model
end

-- Another model takes a job over, with attempts of its own; answers the models that are left to it.
local function takeOver(id, lane, model, reason)
  local why = leavesFor[reason] or leavesFor.upstream_overloaded
  local detail = string.format('%s %s; %s takes over', modelOf(lane), why, model)
  local warning = string.format('{"code":"model_replaced","detail":"%s"}', detail)
  local warned = redis.call('HGET', jobKey(id), 'warned')
  warned = warned and string.sub(warned, 1, -2) .. ',' .. warning .. ']' or '[' .. warning .. ']'
  local left = laneFrom(lane, model)
  redis.call('HSET', jobKey(id), 'model', model, 'lane', left, 'warned', warned, 'tries', 0)
  return left
end

-- Notes with which model a job that is given out goes.
local function engage(id, turn, lane, model, seen)
  local own, state = modelOf(lane), seen[model]
  if model ~= own then
    local _, reason = restOf(own)
    takeOver(id, lane, model, reason)
  end
  if state == 'gone' then redis.call('HSET', jobKey(id), 'gone', '1') end
  if state == 'trial' then
    local circuit = circuitOf(model)
    circuit.trial = id .. '.' .. turn
    saveCircuit(model, circuit)
    seen[model] = 'away'
  end
  if quota.start(model, id) and isOpen(seen[model]) then seen[model] = 'wait' end
end

-- What an attempt learned of its model. Answers whether it is not to be counted: it failed while others knew already.
local function report(model, health, turn, policy)
  if not health or health == '' then return false end
  local c = circuitOf(model)
  local isTrial = c.trial == turn
  if health == 'answered' then
    -- While it is open, an answer to a call from before the pause proves nothing.
    if isTrial or (c.overloads > 0 and c.opens == 0) then closeCircuit(model) end
  elseif health == 'gone' then
    if c.reason ~= 'model_unavailable' or isTrial then
      openCircuit(model, c, 'model_unavailable', policy.goneMs)
    end
  elseif c.opens > 0 and not isTrial then
    return true
  else
    c.overloads = now - c.at > policy.rowMs and 1 or c.overloads + 1
    c.at = now
    if c.opens > 0 or c.overloads >= policy.mostOverloads then
      openCircuit(model, c, 'upstream_overloaded', math.min(policy.firstMs * 2 ^ c.opens, policy.longestMs))
    else
      saveCircuit(model, c)
    end
  end
  return false
end
