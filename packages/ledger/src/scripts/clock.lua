-- Every script starts with these lines. KEYS[1] is the prefix with its hash tag, so all keys are in one slot;
-- time is Redis's own, so that no process's clock decides anything.
local P = KEYS[1] .. ':'
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local function jobKey(id) return P .. 'job:' .. id end
