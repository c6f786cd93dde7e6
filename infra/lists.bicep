// Lists as operators write them: one string, split the way the app splits it, each entry in one spelling and once.
//
// Azure compares ids without regard to case, but names of role assignments and deployments are hashes of the text: two
// spellings of one id would be two assignments, and the second is rejected.

@export()
@description('One ARM id: lower case, one slash at the start and none at the end. Empty stays empty.')
func armId(text string) string =>
  empty(trim(text)) ? '' : '/${join(filter(split(toLower(trim(text)), '/'), part => !empty(part)), '/')}'

@export()
@description('ARM ids, separated by commas, semicolons or white space.')
func armIds(text string) string[] =>
  union(map(filter(split(text, [',', ';', ' ', '\n', '\t', '\r']), entry => !empty(entry)), entry => armId(entry)), [])

@export()
@description('GUIDs, separated likewise. The id /subscriptions/{guid} is understood too.')
func guids(text string) string[] => union(map(armIds(text), id => last(split(id, '/'))), [])
