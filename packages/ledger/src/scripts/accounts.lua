-- ARGV: models. What is known of the upstream's accounts, by model.
local answer = {}
for _, model in ipairs(ARGV) do
  answer[#answer + 1] = { model, quota.accounts(model) }
end
return answer
