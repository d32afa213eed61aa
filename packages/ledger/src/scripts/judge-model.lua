-- ARGV: model, 'gone' or 'served', for how long it is not called. What the upstream said of a model when it was asked.
local model, c = ARGV[1], circuitOf(ARGV[1])
local isKnown = c.opens > 0 and c.reason == 'model_unavailable'
if ARGV[2] == 'served' then
  if isKnown then closeCircuit(model) end
  return isKnown and 'back' or 'same'
end
openCircuit(model, c, 'model_unavailable', tonumber(ARGV[3]))
return isKnown and 'same' or 'gone'
