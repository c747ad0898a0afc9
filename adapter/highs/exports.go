package highs

// function names a call into the module: the name that the HiGHS C interface gives it
// and the minified name under which the pinned module exports it. The pairs are those
// of assignWasmExports in build/highs.js; a test compares them.
type function struct{ c, export string }

// The calls that a session makes.
const (
	fnCreate         = "_Highs_create"
	fnPassLp         = "_Highs_passLp"  //nolint:gosec // A function, no password.
	fnPassMip        = "_Highs_passMip" //nolint:gosec // The same.
	fnRun            = "_Highs_run"
	fnSetBool        = "_Highs_setBoolOptionValue"
	fnSetInt         = "_Highs_setIntOptionValue"
	fnSetDouble      = "_Highs_setDoubleOptionValue"
	fnSetString      = "_Highs_setStringOptionValue"
	fnClear          = "_Highs_clearSolver"
	fnSolution       = "_Highs_getSolution"
	fnBasis          = "_Highs_getBasis"
	fnStatus         = "_Highs_getModelStatus"
	fnDualRay        = "_Highs_getDualRay"
	fnSetBasis       = "_Highs_setBasis"
	fnChangeBounds   = "_Highs_changeColsBoundsByRange"
	fnBasicVariables = "_Highs_getBasicVariables"
	fnInverseRow     = "_Highs_getBasisInverseRow"
	fnMalloc         = "_malloc"
	fnInitialise     = "__wasm_call_ctors" // Emscripten's own start; highs.js calls it in initRuntime.
)

func exports() []function {
	return []function{
		{fnCreate, "F"},
		{fnPassLp, "U"},
		{fnPassMip, "V"},
		{fnRun, "N"},
		{fnSetBool, "ia"},
		{fnSetInt, "ja"},
		{fnSetDouble, "ka"},
		{fnSetString, "la"},
		{fnClear, "ga"},
		{fnSolution, "Ea"},
		{fnBasis, "Fa"},
		{fnSetBasis, "Sa"},
		{fnStatus, "Ga"},
		{fnDualRay, "Ha"},
		{fnChangeBounds, "ub"},
		{fnBasicVariables, "La"},
		{fnInverseRow, "Ma"},
		{fnMalloc, "uc"},
		{fnInitialise, "v"},
	}
}

// exportOf returns the minified name of a call.
func exportOf(c string) string {
	for _, f := range exports() {
		if f.c == c {
			return f.export
		}
	}
	return ""
}
