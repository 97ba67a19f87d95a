local health = {
  status = "Progressing",
  message = "Waiting for the operator to look at this generation",
}

if obj.status == nil or obj.status.conditions == nil
  or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end

local ready = conditions.Ready
if ready ~= nil then
  health.message = ready.message
end

-- Stalled exists only while waiting does not help. Not Ready alone is on the way, or comes back by itself.
if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  health.status = "Degraded"
  health.message = conditions.Stalled.message
elseif ready ~= nil and ready.status == "True" then
  health.status = "Healthy"
elseif obj.spec.suspend == true then
  health.status = "Suspended"
end

return health
