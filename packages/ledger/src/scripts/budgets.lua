-- Budgets: what tenants and keys may spend in a day or a month of UTC, have spent, and have reserved for open jobs.
-- Money is in nano-dollars, written with '%.0f': Lua would write 1e9 otherwise, which is no integer to Redis.
local firstWarning, lastWarning = 80, 100
local spentMs = 5356800000

local function money(amount) return string.format('%.0f', amount) end

-- The month and the day of a time, by the calendar of Gregory.
dateOf = function(ms)
  local days = math.floor(ms / 86400000) + 719468
  local era = math.floor(days / 146097)
  local ofEra = days - era * 146097
  local year = math.floor((ofEra - math.floor(ofEra / 1460) + math.floor(ofEra / 36524) - math.floor(ofEra / 146096)) / 365)
  local ofYear = ofEra - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local shifted = math.floor((5 * ofYear + 2) / 153)
  local month = shifted < 10 and shifted + 3 or shifted - 9
  local whole = year + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d', whole, month),
    string.format('%02d', ofYear - math.floor((153 * shifted + 2) / 5) + 1)
end

-- The daily and the monthly budget in a hash; no script changes them.
local budgetsKnown = {}
local function budgetsIn(hash)
  budgetsKnown[hash] = budgetsKnown[hash] or redis.call('HMGET', hash, 'daily_budget', 'monthly_budget')
  return budgetsKnown[hash]
end

-- Of one holder ('': the whole tenant, else a key): its two budgets, each with what was spent of it in its period.
local function standingsOf(tenant, holder)
  local budgets = budgetsIn(holder == '' and P .. 'tenant:' .. tenant or P .. 'key:' .. holder)
  if not budgets[1] and not budgets[2] then return {} end
  local month, day = dateOf(now)
  local tail = holder == '' and '' or '|' .. holder
  local spent = redis.call('HMGET', P .. 'spent:' .. tenant .. ':' .. month, day .. tail, '*' .. tail)
  local reserved = tonumber(redis.call('HGET', P .. 'tenant:' .. tenant, 'reserved' .. tail) or '0')
  local standings = {}
  for i, period in ipairs({ 'day', 'month' }) do
    if budgets[i] then
      standings[#standings + 1] = {
        holder = holder, period = period, budget = tonumber(budgets[i]), spent = tonumber(spent[i] or '0'),
        reserved = reserved, since = period == 'day' and month .. '-' .. day or month .. '-01',
        told = 'told|' .. (period == 'day' and day or '*') .. tail .. '|', sums = P .. 'spent:' .. tenant .. ':' .. month,
      }
    end
  end
  return standings
end

-- Tells of a threshold once in a period, whoever finds it crossed.
local function warn(tenant, s, percent)
  if redis.call('HSETNX', s.sums, s.told .. percent, now) == 0 then return end
  redis.call('PEXPIRE', s.sums, spentMs)
  local data = string.format(
    '{"object":"budget","tenant":"%s","key":%s,"period":"%s","period_start":"%s","threshold_percent":%d,' ..
    '"budget_usd":%.6f,"spent_usd":%.6f,"reserved_usd":%.6f}',
    tenant, s.holder == '' and 'null' or '"' .. s.holder .. '"', s.period, s.since, percent,
    s.budget / 1e9, s.spent / 1e9, s.reserved / 1e9)
  announce(tenant, 'budget.threshold', tenant, s.since .. s.told .. percent, data)
end

local function watchThresholds(tenant, holder)
  for _, s in ipairs(standingsOf(tenant, holder)) do
    local used = s.spent + s.reserved
    for _, percent in ipairs({ firstWarning, lastWarning }) do
      if used * 100 >= s.budget * percent then warn(tenant, s, percent) end
    end
  end
end

-- Which budget does not allow a job of this estimate (nil: its price is not known), as an answer of a script; else nil.
-- A refusal while most of a budget is used is what its last warning is for.
local function unaffordable(tenant, key, estimate)
  for _, holder in ipairs({ '', key }) do
    for _, s in ipairs(standingsOf(tenant, holder)) do
      local used = s.spent + s.reserved
      if not estimate or used + estimate > s.budget then
        if estimate and used * 100 >= s.budget * firstWarning then warn(tenant, s, lastWarning) end
        return { 'unaffordable', holder == '' and 'tenant' or 'key', s.period, money(s.budget), money(s.spent),
          money(s.reserved), estimate and money(estimate) or '' }
      end
    end
  end
end

-- Sets the estimate of a job, or of a batch whose items are no jobs yet, aside until it is spent or the holder ends.
-- Answers what its own hash has to say of it, if anything. A key without budgets has nothing set aside.
setAside = function(tenant, key, estimate)
  if not estimate or estimate <= 0 then return nil end
  local limited = budgetsIn(P .. 'key:' .. key)
  local isKeys = limited[1] or limited[2]
  redis.call('HINCRBY', P .. 'tenant:' .. tenant, 'reserved', money(estimate))
  if isKeys then redis.call('HINCRBY', P .. 'tenant:' .. tenant, 'reserved|' .. key, money(estimate)) end
  watchThresholds(tenant, '')
  if isKeys then watchThresholds(tenant, key) end
  return money(estimate) .. (isKeys and '|' .. key or '')
end

reserve = function(hash, tenant, key, estimate)
  local aside = setAside(tenant, key, estimate)
  if aside then redis.call('HSET', hash, 'reserved', aside) end
end

-- Gives back what is set aside in a hash: all of it, or as much as was spent now.
release = function(hash, tenant, most)
  local known = redis.call('HGET', hash, 'reserved')
  if not known then return end
  local amount, tail = string.match(known, '^(%d+)(.*)$')
  local by = math.min(most or math.huge, tonumber(amount))
  if by <= 0 then return end
  local left = tonumber(amount) - by
  if left > 0 then
    redis.call('HSET', hash, 'reserved', money(left) .. tail)
  else
    redis.call('HDEL', hash, 'reserved')
  end
  redis.call('HINCRBY', P .. 'tenant:' .. tenant, 'reserved', money(-by))
  if tail ~= '' and redis.call('HINCRBY', P .. 'tenant:' .. tenant, 'reserved' .. tail, money(-by)) == 0 then
    redis.call('HDEL', P .. 'tenant:' .. tenant, 'reserved' .. tail)
  end
end

-- Writes down what was spent, in its day and its month, of the tenant and of the key.
charge = function(tenant, key, cost)
  if cost <= 0 then return end
  local month, day = dateOf(now)
  local sums = P .. 'spent:' .. tenant .. ':' .. month
  for _, field in ipairs({ day, '*', day .. '|' .. key, '*|' .. key }) do
    redis.call('HINCRBY', sums, field, money(cost))
  end
  redis.call('PEXPIRE', sums, spentMs)
  watchThresholds(tenant, '')
  watchThresholds(tenant, key)
end

-- What the rest of a job's images will cost: its estimate is for all of them.
estimateOfRest = function(job)
  local facts = redis.call('HMGET', job, 'estimate', 'spec')
  if not facts[1] then return nil end
  local n, missing = cjson.decode(facts[2]).parameters.n, 0
  for index = 0, n - 1 do missing = missing + 1 - redis.call('HEXISTS', job, 'o:' .. index) end
  return math.ceil(tonumber(facts[1]) * missing / n)
end
